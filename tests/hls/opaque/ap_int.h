#pragma once

// Vitis HLS's integers as native ones: the gate counts operations, not bits.

#include <cstdint>
#include <type_traits>

template <int Bits>
using ap_int = std::conditional_t<
    Bits <= 8, std::int8_t,
    std::conditional_t<Bits <= 16, std::int16_t,
                       std::conditional_t<Bits <= 32, std::int32_t, std::int64_t>>>;
template <int Bits>
using ap_uint = std::make_unsigned_t<ap_int<Bits>>;
