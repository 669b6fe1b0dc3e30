#pragma once

// Words of bytes: read from a memory, and packed for a stream.

#include <cstdint>

#include "hwmap/stream.hpp"

namespace hwmap {

/// The word at `address`.
template <unsigned Words, unsigned Width>
inline void ReadMemory(const std::int8_t (&memory)[Words][Width], std::uint32_t address,
                       std::int8_t (&word)[Width]) {
#pragma HLS INLINE
ReadByte:
  for (unsigned i = 0; i < Width; ++i) {
#pragma HLS UNROLL
    word[i] = memory[address][i];
  }
}

/// Bytes as the word of a stream.
template <unsigned N>
inline Bytes<N> PackWord(const std::int8_t (&bytes)[N]) {
#pragma HLS INLINE
  Bytes<N> word;
#pragma HLS AGGREGATE variable = word
PackByte:
  for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
    word.at[i] = bytes[i];
  }
  return word;
}

}  // namespace hwmap
