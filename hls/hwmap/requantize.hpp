#pragma once

// The one definition of rounding in C++; hwmap/ir/requantize.py is the same rule in Python.

#include <cstdint>

namespace hwmap {

constexpr unsigned kMultiplierBits = 17;

/// clamp(zero_point + round_half_up(accumulator * multiplier * 2^-shift)), exact in 64 bits.
inline std::int8_t Requantize(std::int32_t accumulator, std::uint32_t multiplier, unsigned shift,
                              std::int32_t zero_point, std::int32_t low, std::int32_t high) {
#pragma HLS INLINE
  const std::int64_t product =
      static_cast<std::int64_t>(accumulator) * static_cast<std::int64_t>(multiplier);
  const std::int64_t half = (std::int64_t{1} << shift) >> 1;
  const std::int64_t value = ((product + half) >> shift) + zero_point;
  const std::int64_t clamped = value < low ? low : (value > high ? high : value);
  return static_cast<std::int8_t>(clamped);
}

}  // namespace hwmap
