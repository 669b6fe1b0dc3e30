#pragma once

// What a trip adds to the sums: on the matrix array, or on the vector lanes.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/multiply.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/step.hpp"

namespace hwmap {

/// The matrix array: the dot products of this trip's bytes with PE rows of a weight word. Two output
/// channels share every byte, and so a DSP slice.
template <typename P>
void MatrixTerms(const std::int8_t (&bytes)[P::kArenaLanes],
                 const std::int8_t (&weights)[P::kPe * P::kSimd],
                 std::int32_t (&terms)[Sizes<P>::kBlock]) {
#pragma HLS INLINE
  // A single channel has a twin of weight 0, which synthesis removes.
  constexpr unsigned kTwin = P::kPe == 1 ? 0 : 1;
  std::int8_t x[P::kSimd];
#pragma HLS ARRAY_PARTITION variable = x complete
MatrixByte:
  for (unsigned i = 0; i < P::kSimd; ++i) {
#pragma HLS UNROLL
    x[i] = bytes[i];
  }
MatrixColumn:
  for (unsigned pe = 0; pe < P::kPe; pe += 1 + kTwin) {
#pragma HLS UNROLL
    std::int8_t row[P::kSimd], twin[P::kSimd];
#pragma HLS ARRAY_PARTITION variable = row complete
#pragma HLS ARRAY_PARTITION variable = twin complete
  MatrixWeight:
    for (unsigned i = 0; i < P::kSimd; ++i) {
#pragma HLS UNROLL
      row[i] = weights[pe * P::kSimd + i];
      twin[i] = kTwin == 0 ? 0 : weights[(pe + kTwin) * P::kSimd + i];
    }
    const DotProducts both =
        MultiplyPair<P::kOperandBits, P::kPackShift, P::kCascadeTerms>(row, twin, x);
    terms[pe] = both.first;
    if (kTwin != 0) terms[pe + kTwin] = both.second;
  }
}

/// Bits of the factors of the vector lanes.
constexpr unsigned kFactorBits = 22;

/// The vector lanes: one multiplication each, whatever the step. Its operands are selected before
/// it, so that it is there once.
///
/// `held` is the first factor of kMul and kScale, `largest` what kMaxPool has seen of a block.
template <typename P>
void VectorTerms(const Step& step, const std::int8_t (&bytes)[P::kArenaLanes],
                 const std::int8_t (&weights)[P::kPe * P::kSimd], std::uint32_t slice, bool first,
                 std::int32_t (&terms)[Sizes<P>::kBlock],
                 SInt<kCentredBits> (&held)[P::kVectorLanes],
                 std::int8_t (&largest)[P::kVectorLanes]) {
#pragma HLS INLINE
  constexpr bool kMultiplies =
      P::Uses(StepKind::kDepthwise) || P::Uses(StepKind::kAveragePool) ||
      P::Uses(StepKind::kAdd) || P::Uses(StepKind::kMul) || P::Uses(StepKind::kScale) ||
      P::Uses(StepKind::kLookup);
  const bool is_product = IsProduct<P>(step.kind);
  const bool has_weights = Is<P>(step.kind, StepKind::kDepthwise);
  const std::int32_t operand = first ? step.first_operand : step.later_operand;
  // The weight of a lane: one of a few bytes of the word, not any of them.
  std::int8_t weight[P::kVectorLanes] = {};
#pragma HLS ARRAY_PARTITION variable = weight complete
VectorSlice:
  for (unsigned s = 0; s < Sizes<P>::kSlices; ++s) {
#pragma HLS UNROLL
    if (has_weights && s == slice) {
    VectorWeight:
      for (unsigned lane = 0; lane < P::kVectorLanes; ++lane) {
#pragma HLS UNROLL
        weight[lane] = weights[s * P::kVectorLanes + lane];
      }
    }
  }
VectorLane:
  for (unsigned lane = 0; lane < P::kVectorLanes; ++lane) {
#pragma HLS UNROLL
    const std::int32_t value = bytes[lane];
    const std::int32_t scale = has_weights ? static_cast<std::int32_t>(weight[lane]) : operand;
    const std::int32_t factor = Select(is_product, held[lane], scale);
    const std::int32_t centred = is_product ? value - operand : value;
    const std::int64_t product = LowSigned<kFactorBits>(factor) * LowSigned<kCentredBits>(centred);
    terms[lane] = kMultiplies ? static_cast<std::int32_t>(product) : 0;
    if (is_product && first) held[lane] = centred;
    if (first || value > largest[lane]) largest[lane] = bytes[lane];
  }
}

/// Adds this trip's terms to the sums of the block, or begins them: all that is carried from trip to
/// trip is an addition.
template <typename P, typename Sum>
void Accumulate(const std::int32_t (&terms)[Sizes<P>::kBlock], bool begins,
                Sum (&sums)[Sizes<P>::kBlock]) {
#pragma HLS INLINE
AddTerm:
  for (unsigned i = 0; i < Sizes<P>::kBlock; ++i) {
#pragma HLS UNROLL
    sums[i] = Select(begins, 0, sums[i]) + terms[i];
  }
}

}  // namespace hwmap
