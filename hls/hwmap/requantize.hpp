#pragma once

// The one definition of rounding in C++; hwmap/ir/requantize.py is the same rule in Python.

#include <cstdint>

#include "hwmap/integer.hpp"

namespace hwmap {

constexpr unsigned kMultiplierBits = 17;
/// In place of a number of places: sums are multiplied.
constexpr unsigned kMultiplied = 64;

/// clamp(zero_point + round_half_even(sum * multiplier * 2^-shift)), exact.
///
/// `SumBits` are those of `sum`, `MostShift` is the largest shift: the datapath is no wider than
/// they need. With a `Left` all multipliers are 2^Left: nothing is multiplied.
template <unsigned SumBits, unsigned MostShift, unsigned Left = kMultiplied>
inline std::int8_t Requantize(std::int32_t sum, std::uint32_t multiplier, std::uint32_t shift,
                              std::int32_t zero_point, std::int32_t low, std::int32_t high) {
#pragma HLS INLINE
  constexpr unsigned kShiftBits = BitsFor(MostShift);
  // In units of half an output 10 bits and a sign reach beyond every output from every zero point:
  // what needs more is clamped all the same.
  constexpr unsigned kKeptBits = 10;
  constexpr std::uint64_t kKept = (std::uint64_t{1} << kKeptBits) - 1;
  const unsigned places = static_cast<unsigned>(LowUnsigned<kShiftBits>(shift));
  const std::int64_t factor = Left == kMultiplied
                                  ? static_cast<std::int64_t>(LowUnsigned<kMultiplierBits>(multiplier))
                                  : std::int64_t{1} << (Left == kMultiplied ? 0 : Left);
  const std::int64_t product = LowSigned<SumBits>(sum) * factor;
  const bool negative = product < 0;
  // The product in halves is cut in three: what gets lost behind the point, the bits that are kept,
  // and the sign, which fills all bits above them if it fits.
  const std::int64_t halves = product * 2;
  const std::uint64_t behind = LowUnsigned<MostShift>((std::uint64_t{1} << places) - 1);
  const std::uint64_t above = static_cast<std::uint64_t>(negative ? ~halves : halves);
  const bool lost = (static_cast<std::uint64_t>(halves) & behind) != 0;
  const bool fits = (above & ~(behind << kKeptBits | kKept)) == 0;
  const std::int64_t inside = LowSigned<kKeptBits + 1>(halves >> places);
  const std::int64_t most = static_cast<std::int64_t>(kKept);
  const std::int32_t kept = static_cast<std::int32_t>(fits ? inside : (negative ? ~most : most));
  const std::int32_t floor = kept >> 1;
  const bool half = (kept & 1) != 0;
  // Exactly between two integers: of those the even one.
  const bool up = half && (lost || (floor & 1) != 0);
  const std::int32_t value = floor + (up ? 1 : 0) + zero_point;
  const std::int32_t clamped = value < low ? low : (value > high ? high : value);
  return static_cast<std::int8_t>(clamped);
}

}  // namespace hwmap
