#pragma once

// Dot products with two products in each DSP slice.

#include <cstdint>

#include "hwmap/integer.hpp"

namespace hwmap {

/// Two dot products with a common vector.
struct DotProducts {
  std::int32_t first;
  std::int32_t second;
};

/// {first . x, second . x} by one multiplication per term, added up along a cascade of DSP slices.
///
/// Both weights stand in one word, second * 2^Shift + first, which the slice's pre-adder can make.
/// The sum of word * x then holds first . x in its low `Shift` bits and second . x above them, less
/// the borrow of a negative first sum, and is split once, behind the last term. It must fit:
/// |first . x| < 2^(Shift - 1). A slice multiplies operands of 25 x 18 bits and adds 48 (DSP48E1,
/// UG479), or 27 x 18 and 48 (DSP48E2, UG579). The design knows which `Shift` and how many terms its
/// weights allow; from their types alone a tool would take the word for a bit wider than it is.
template <unsigned Operand, unsigned Shift, unsigned Terms>
DotProducts MultiplyCascade(const std::int8_t (&first)[Terms], const std::int8_t (&second)[Terms],
                            const std::int8_t (&x)[Terms]) {
#pragma HLS INLINE off
#pragma HLS PIPELINE II = 1 style = flp
// A balanced tree of adders would take the sum out of the cascade.
#pragma HLS EXPRESSION_BALANCE off
#pragma HLS ARRAY_PARTITION variable = first complete
#pragma HLS ARRAY_PARTITION variable = second complete
#pragma HLS ARRAY_PARTITION variable = x complete
  std::int64_t sum = 0;
Cascade:
  for (unsigned i = 0; i < Terms; ++i) {
#pragma HLS UNROLL
    sum += LowSigned<Operand>(second[i] * (1 << Shift) + first[i]) * x[i];
  }
  const std::int64_t low = LowSigned<Shift>(sum);
  // The borrow is the sign of the low sum: give it back.
  const std::int64_t high = (sum >> Shift) + (low < 0 ? 1 : 0);
  return {static_cast<std::int32_t>(low), static_cast<std::int32_t>(high)};
}

/// The same for vectors of any length: cascades of `Terms` slices, and the sum of their results.
template <unsigned Operand, unsigned Shift, unsigned Terms, unsigned Length>
DotProducts MultiplyPair(const std::int8_t (&first)[Length], const std::int8_t (&second)[Length],
                         const std::int8_t (&x)[Length]) {
#pragma HLS INLINE
  constexpr unsigned kTerms = Terms < Length ? Terms : Length;
  DotProducts sums = {0, 0};
Cascades:
  for (unsigned start = 0; start < Length; start += kTerms) {
#pragma HLS UNROLL
    std::int8_t part_first[kTerms], part_second[kTerms], part_x[kTerms];
#pragma HLS ARRAY_PARTITION variable = part_first complete
#pragma HLS ARRAY_PARTITION variable = part_second complete
#pragma HLS ARRAY_PARTITION variable = part_x complete
  Part:
    for (unsigned i = 0; i < kTerms; ++i) {
#pragma HLS UNROLL
      const bool inside = start + i < Length;
      part_first[i] = inside ? first[(start + i) % Length] : 0;
      part_second[i] = inside ? second[(start + i) % Length] : 0;
      part_x[i] = inside ? x[(start + i) % Length] : 0;
    }
    const DotProducts part =
        MultiplyCascade<Operand, Shift, kTerms>(part_first, part_second, part_x);
    sums.first += part.first;
    sums.second += part.second;
  }
  return sums;
}

}  // namespace hwmap
