#include "hwmap/terms.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

using Params = SmallestParams;
using hwmap::Row;
using hwmap::StepKind;

void TheArrayMakesDotProducts() {
  const std::int8_t bytes[8] = {3, -5, 0, 0, 0, 0, 0, 1};
  const std::uint64_t words[1] = {hwmap::WordOf(bytes, 0)};
  std::int8_t weights[64] = {1, 2};
  weights[8] = -4, weights[9] = 100, weights[15] = 7;
  std::int32_t terms[8] = {};
  hwmap::ArrayTerms<Params>(words, weights, terms);
  CHECK(terms[0] == 3 - 10 && terms[1] == -12 - 500 + 7 && terms[2] == 0);
}

/// What a lane makes of two columns, the older one first, with weights 2 and 7.
std::int32_t Lane(StepKind kind, std::int8_t older, std::int8_t newer, bool first = true,
                  bool again = false) {
  std::int8_t columns[3][8] = {}, weights[64] = {};
  columns[0][1] = newer, columns[1][1] = older, columns[2][1] = 127;
  weights[3] = 7, weights[4] = 2;
  std::int32_t terms[8] = {};
  Row row = EmptyRow(kind);
  row.taps = 2;
  row.first_operand = 10;
  row.later_operand = -3;
  row.repeated = 1;
  hwmap::LaneTerms<Params>(row, columns, weights, first, again, terms);
  return terms[1];
}

int main() {
  TheArrayMakesDotProducts();
  CHECK(Lane(StepKind::kDepthwise, 5, -6) == 5 * 2 - 6 * 7);
  CHECK(Lane(StepKind::kLargest, 5, -6) == 5);
  CHECK(Lane(StepKind::kLargest, -128, -127) == -127);
  CHECK(Lane(StepKind::kSum, 5, -6) == 5 * 10 + -6 * -3);
  CHECK(Lane(StepKind::kSum, 5, -6, false) == 5 * -3 + -6 * -3);
  // A later pass does not count a column again.
  CHECK(Lane(StepKind::kSum, 5, -6, false, true) == -6 * -3);
  CHECK(Lane(StepKind::kProduct, -128, 127) == -138 * 130);
}
