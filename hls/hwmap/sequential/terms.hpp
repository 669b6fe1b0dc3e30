#pragma once

// What a trip adds to the sums: on the matrix array, or on the vector lanes.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/multiply.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/step.hpp"

namespace hwmap {

/// The matrix array: adds the dot products of this trip's bytes with PE rows of a weight word. Two
/// output channels share every byte, and so a DSP slice.
template <typename P, typename Sum>
void AddMatrixTerm(const std::int8_t (&bytes)[P::kArenaLanes],
                   const std::int8_t (&weights)[P::kPe * P::kSimd], bool first,
                   Sum (&sums)[Sizes<P>::kBlock]) {
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
    const DotProducts both = MultiplyPair<P::kPackShift, P::kCascadeTerms>(row, twin, x);
    sums[pe] = Select(first, 0, sums[pe]) + both.first;
    if (kTwin != 0) sums[pe + kTwin] = Select(first, 0, sums[pe + kTwin]) + both.second;
  }
}

/// Bits of the factors of the vector lanes, and of an 8-bit value less its zero point.
constexpr unsigned kFactorBits = 22;
constexpr unsigned kCentredBits = 9;

/// The vector lanes: one multiplication each, whatever the step. Its operands are selected before
/// it, so that it is there once.
///
/// `held` is the first factor of kMul and kScale. It waits there and not in `sums`: the next trip
/// needs it at once, before a product could leave the multiplier.
template <typename P, typename Sum>
void AddVectorTerm(const Step& step, const std::int8_t (&bytes)[P::kArenaLanes],
                   const std::int8_t (&weights)[P::kPe * P::kSimd], std::uint32_t slice, bool first,
                   Sum (&sums)[Sizes<P>::kBlock], SInt<kCentredBits> (&held)[P::kVectorLanes]) {
#pragma HLS INLINE
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
    const std::int32_t product = static_cast<std::int32_t>(LowSigned<kFactorBits>(factor)) *
                                 static_cast<std::int32_t>(LowSigned<kCentredBits>(centred));
    const std::int32_t before = sums[lane];
    const std::int32_t largest = static_cast<std::int32_t>(LowSigned<8>(before));
    const std::int32_t larger = first || value > largest ? value : largest;
    const std::int32_t sum = (first || is_product ? 0 : before) + product;
    sums[lane] = Is<P>(step.kind, StepKind::kMaxPool) ? larger : sum;
    if (is_product && first) held[lane] = centred;
  }
}

}  // namespace hwmap
