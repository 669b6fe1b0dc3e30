#pragma once

// Integers of as many bits as a design needs. A register is declared with them; expressions are in
// native types, whose unused bits synthesis removes.

#include <cstdint>
#ifdef HWMAP_VITIS
#include <ap_int.h>
#else
#include <type_traits>
#endif

namespace hwmap {

#ifdef HWMAP_VITIS

template <unsigned Bits>
using UInt = ap_uint<Bits>;
template <unsigned Bits>
using SInt = ap_int<Bits>;

#else

/// The narrowest native type that holds `Bits` bits: a simulation with it is many times faster.
template <unsigned Bits>
using SInt = std::conditional_t<
    Bits <= 8, std::int8_t,
    std::conditional_t<Bits <= 16, std::int16_t,
                       std::conditional_t<Bits <= 32, std::int32_t, std::int64_t>>>;
template <unsigned Bits>
using UInt = std::make_unsigned_t<SInt<Bits>>;

#endif

/// `condition ? yes : no`, where one of them is a register: the vendor's types do not mix in `?:`.
inline std::int32_t Select(bool condition, std::int32_t yes, std::int32_t no) {
#pragma HLS INLINE
  return condition ? yes : no;
}

/// The bits of an 8-bit value less its zero point.
constexpr unsigned kCentredBits = 9;

/// The bits of a register for 0, 1 ... `most`; at least one.
constexpr unsigned BitsFor(std::uint64_t most) {
  return most < 2 ? 1 : 1 + BitsFor(most / 2);
}

/// The low `Bits` bits of `value` as an unsigned number.
template <unsigned Bits>
inline std::uint64_t LowUnsigned(std::uint64_t value) {
#pragma HLS INLINE
  static_assert(Bits >= 1 && Bits < 64, "LowUnsigned: of 1 to 63 bits.");
  return value & ((std::uint64_t{1} << Bits) - 1);
}

/// The low `Bits` bits of `value` as a signed number.
template <unsigned Bits>
inline std::int64_t LowSigned(std::int64_t value) {
#pragma HLS INLINE
  constexpr std::uint64_t kSign = std::uint64_t{1} << (Bits - 1);
  const std::uint64_t low = LowUnsigned<Bits>(static_cast<std::uint64_t>(value));
  return static_cast<std::int64_t>((low ^ kSign) - kSign);
}

}  // namespace hwmap
