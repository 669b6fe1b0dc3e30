#pragma once

// What a trip adds to the sums: on the array, or on the vector lanes.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/multiply.hpp"
#include "hwmap/row.hpp"
#include "hwmap/sizes.hpp"

namespace hwmap {

/// The array: the dot products of this trip's bytes with PE rows of the weights that stay. Two
/// output channels share every byte, and so a DSP slice.
template <typename P>
void ArrayTerms(const std::uint64_t (&words)[P::kBanks],
                const std::int8_t (&weights)[Sizes<P>::kWeights],
                std::int32_t (&terms)[Sizes<P>::kBlock]) {
#pragma HLS INLINE
  std::int8_t x[P::kSimd];
#pragma HLS ARRAY_PARTITION variable = x complete
ArrayByte:
  for (unsigned i = 0; i < P::kSimd; ++i) {
#pragma HLS UNROLL
    x[i] = ByteOf(words[i / kWordBytes], i % kWordBytes);
  }
ArrayColumn:
  for (unsigned pe = 0; pe < P::kPe; pe += 2) {
#pragma HLS UNROLL
    std::int8_t row[P::kSimd], twin[P::kSimd];
#pragma HLS ARRAY_PARTITION variable = row complete
#pragma HLS ARRAY_PARTITION variable = twin complete
  ArrayWeight:
    for (unsigned i = 0; i < P::kSimd; ++i) {
#pragma HLS UNROLL
      row[i] = weights[pe * P::kSimd + i];
      twin[i] = weights[(pe + 1) * P::kSimd + i];
    }
    const DotProducts both =
        MultiplyPair<P::kOperandBits, P::kPackShift, P::kCascadeTerms>(row, twin, x);
    terms[pe] = both.first;
    terms[pe + 1] = both.second;
  }
}

/// Bits of the factors of the vector lanes.
constexpr unsigned kFactorBits = 22;

/// The factor of a column, counted from the newest, for a step without weights: an earlier pass had
/// the first `repeated` columns of a later one already.
inline std::int32_t ColumnFactor(const Row& row, unsigned column, bool first, bool again) {
#pragma HLS INLINE
  const std::int32_t tap = row.taps - 1 - static_cast<std::int32_t>(column);
  if (tap < 0 || (again && tap < row.repeated)) return 0;
  return first && !again && tap == 0 ? row.first_operand : row.later_operand;
}

/// The vector lanes: kTaps multiplications each, whatever the step. `columns` are the bytes of each
/// lane, the newest column first.
template <typename P>
void LaneTerms(const Row& row, const std::int8_t (&columns)[kTaps][P::kVectorLanes],
               const std::int8_t (&weights)[Sizes<P>::kWeights], bool first, bool again,
               std::int32_t (&terms)[Sizes<P>::kBlock]) {
#pragma HLS INLINE
  const bool weighted = row.kind == StepKind::kDepthwise;
  const bool product = row.kind == StepKind::kProduct;
  std::int32_t factor[kTaps];
#pragma HLS ARRAY_PARTITION variable = factor complete
Factor:
  for (unsigned t = 0; t < kTaps; ++t) {
#pragma HLS UNROLL
    factor[t] = ColumnFactor(row, t, first, again);
  }
VectorLane:
  for (unsigned lane = 0; lane < P::kVectorLanes; ++lane) {
#pragma HLS UNROLL
    std::int32_t sum = 0;
    std::int32_t largest = columns[0][lane];
  LaneTap:
    for (unsigned t = 0; t < kTaps; ++t) {
#pragma HLS UNROLL
      const std::int32_t value = columns[t][lane];
      const std::int32_t weight = weights[lane * kTaps + t];
      // A product has one factor: the older column less its zero point.
      const std::int32_t centred = columns[1][lane] - row.first_operand;
      const std::int32_t scale = weighted ? weight : (product ? (t == 0 ? centred : 0) : factor[t]);
      const std::int32_t other = product ? value - row.later_operand : value;
      sum += static_cast<std::int32_t>(LowSigned<kFactorBits>(scale) * LowSigned<kCentredBits>(other));
      if (static_cast<std::int32_t>(t) < row.taps && value > largest) largest = value;
    }
    terms[lane] = row.kind == StepKind::kLargest ? largest : sum;
  }
}

}  // namespace hwmap
