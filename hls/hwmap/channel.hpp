#pragma once

// What the results of a channel become outputs with, as memories hold it.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/requantize.hpp"

namespace hwmap {

/// What the requantizer needs to know of one output channel; kChannelBytes in a memory.
struct Channel {
  std::int32_t bias;
  std::uint32_t multiplier;
  std::uint32_t shift;
};

constexpr unsigned kChannelBytes = 8;

/// The channel whose bytes begin at `word[first]`: bias (32 bits), multiplier (24), shift (8).
template <unsigned N>
Channel UnpackChannel(const std::int8_t (&word)[N], unsigned first) {
#pragma HLS INLINE
  std::uint64_t bits = 0;
UnpackByte:
  for (unsigned i = 0; i < kChannelBytes; ++i) {
#pragma HLS UNROLL
    bits |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(word[first + i])) << (8 * i);
  }
  return {static_cast<std::int32_t>(LowSigned<32>(static_cast<std::int64_t>(bits))),
          static_cast<std::uint32_t>(LowUnsigned<kMultiplierBits>(bits >> 32)),
          static_cast<std::uint32_t>(bits >> 56)};
}

}  // namespace hwmap
