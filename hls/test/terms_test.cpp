#include "hwmap/terms.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

using hwmap::Step;
using hwmap::StepKind;

struct Params : SmallestParams {
  static constexpr unsigned kPe = 2;
  static constexpr unsigned kSimd = 2;
  static constexpr unsigned kVectorLanes = 2;
  static constexpr unsigned kArenaLanes = 2;
};

void TheMatrixArrayMakesDotProducts() {
  const std::int8_t bytes[2] = {3, -5};
  const std::int8_t weights[4] = {1, 2, -4, 100};
  std::int32_t terms[2] = {}, sums[2] = {7, 7};
  hwmap::MatrixTerms<Params>(bytes, weights, terms);
  hwmap::Accumulate<Params>(terms, true, sums);
  CHECK(sums[0] == 3 - 10 && sums[1] == -12 - 500);
  hwmap::Accumulate<Params>(terms, false, sums);
  CHECK(sums[0] == 2 * -7 && sums[1] == 2 * -512);
}

/// Two trips of a step on one lane, whose weights are 2 and 7: its sum, or for kMaxPool the largest.
std::int32_t Lane(StepKind kind, std::int8_t first, std::int8_t later) {
  const std::int8_t weights[4] = {2, 0, 7, 0};
  std::int32_t terms[2] = {}, sums[2] = {99, 99};
  std::int16_t held[2] = {55, 55};
  std::int8_t largest[2] = {99, 99};
  Step step = EmptyStep(kind);
  step.first_operand = 10;
  step.later_operand = -3;
  const std::int8_t before[2] = {first, 0}, after[2] = {later, 0};
  const bool begins = hwmap::IsProduct<Params>(kind);
  hwmap::VectorTerms<Params>(step, before, weights, 0, true, terms, held, largest);
  hwmap::Accumulate<Params>(terms, true, sums);
  hwmap::VectorTerms<Params>(step, after, weights, 1, false, terms, held, largest);
  hwmap::Accumulate<Params>(terms, begins, sums);
  return kind == StepKind::kMaxPool ? largest[0] : sums[0];
}

int main() {
  TheMatrixArrayMakesDotProducts();
  CHECK(Lane(StepKind::kDepthwise, 5, -6) == 5 * 2 - 6 * 7);
  CHECK(Lane(StepKind::kMaxPool, 5, -6) == 5);
  CHECK(Lane(StepKind::kMaxPool, -128, -127) == -127);
  CHECK(Lane(StepKind::kAdd, 5, -6) == 5 * 10 + -6 * -3);
  CHECK(Lane(StepKind::kAveragePool, -128, 127) == -128 * 10 - 127 * 3);
  CHECK(Lane(StepKind::kMul, 5, -6) == (5 - 10) * (-6 + 3));
  CHECK(Lane(StepKind::kScale, -128, 127) == -138 * 130);
}
