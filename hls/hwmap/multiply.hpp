#pragma once

// Two products in one DSP slice.

#include <cstdint>

#include "hwmap/requantize.hpp"

namespace hwmap {

/// Two products with a common factor.
struct Products {
  std::int32_t first;
  std::int32_t second;
};

/// {first * x, second * x} by one multiplication of 25 by 8 bits.
///
/// With both weights in one word, second * 2^16 + first, the product holds first * x in its low 16
/// bits and second * x above them, less the borrow of a negative first product. Both fit: a weight
/// is in [-128, 127], so |first * x| <= 2^14, and |word| < 2^24. A slice multiplies
/// 25 x 18 bits (UG479) or 27 x 18 bits (UG579).
inline Products MultiplyPair(std::int8_t first, std::int8_t second, std::int8_t x) {
#pragma HLS INLINE
  constexpr unsigned kWordBits = 25;
  constexpr std::int32_t kUpper = 1 << 16;
  const std::int32_t word = Signed<kWordBits>(second * kUpper + first);
  const std::int64_t product = static_cast<std::int64_t>(word) * x;
  const std::int32_t low = Signed<16>(static_cast<std::int32_t>(product & 0xffff));
  const std::int32_t high = static_cast<std::int32_t>((product - low) >> 16);
  return {low, high};
}

}  // namespace hwmap
