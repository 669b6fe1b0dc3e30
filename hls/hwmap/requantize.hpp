#pragma once

// The one definition of rounding in C++; hwmap/ir/requantize.py is the same rule in Python.

#include <cstdint>

namespace hwmap {

constexpr unsigned kMultiplierBits = 17;
/// Bits of the factors of an addition, which multiply 8-bit values.
constexpr unsigned kAddBits = 21;
/// Bits of an 8-bit value less its zero point.
constexpr unsigned kCentredBits = 9;
constexpr unsigned kShiftBits = 6;

/// `value`, which fits `Bits` bits: tells synthesis how wide its multiplier has to be.
template <unsigned Bits>
inline std::uint32_t Unsigned(std::uint32_t value) {
#pragma HLS INLINE
  return value & ((std::uint32_t{1} << Bits) - 1);
}

/// The same for a signed value.
template <unsigned Bits>
inline std::int32_t Signed(std::int32_t value) {
#pragma HLS INLINE
  const std::uint32_t sign = std::uint32_t{1} << (Bits - 1);
  const std::uint32_t low = Unsigned<Bits>(static_cast<std::uint32_t>(value));
  return static_cast<std::int32_t>((low ^ sign) - sign);
}

/// clamp(zero_point + round_half_even(accumulator * multiplier * 2^-shift)), exact in 64 bits.
inline std::int8_t Requantize(std::int32_t accumulator, std::uint32_t multiplier, unsigned shift,
                              std::int32_t zero_point, std::int32_t low, std::int32_t high) {
#pragma HLS INLINE
  const std::int64_t product = static_cast<std::int64_t>(accumulator) *
                               static_cast<std::int64_t>(Unsigned<kMultiplierBits>(multiplier));
  const unsigned places = Unsigned<kShiftBits>(shift);
  const std::int64_t half = (std::int64_t{1} << places) >> 1;
  const std::int64_t rounded = (product + half) >> places;
  // Exactly between two integers: of those the even one.
  const bool tie = half != 0 && product + half == rounded * (std::int64_t{1} << places);
  const std::int64_t value = rounded - (tie ? rounded & 1 : 0) + zero_point;
  const std::int64_t clamped = value < low ? low : (value > high ? high : value);
  return static_cast<std::int8_t>(clamped);
}

}  // namespace hwmap
