#pragma once

// The arena: the one memory that holds all activations, in words of 8 channels.
//
// Each bank is a memory of its own with its own address, so that as many words as there are banks
// can be read from any word on, and written from any other, every cycle. Row 0 and the last one hold
// no tensor: an access may reach one row beyond either end.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/sizes.hpp"

namespace hwmap {

/// Rotates words down by `places`: word i becomes word (i + places) % N.
template <unsigned N>
void Rotate(std::uint64_t (&words)[N], std::uint32_t places) {
#pragma HLS INLINE
RotateStage:
  for (unsigned stage = 0; stage < BitsFor(N - 1); ++stage) {
#pragma HLS UNROLL
    if ((places >> stage & 1) != 0) {
      std::uint64_t from[N];
#pragma HLS ARRAY_PARTITION variable = from complete
    RotateCopy:
      for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
        from[i] = words[i];
      }
    RotateWord:
      for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
        words[i] = from[(i + (1u << stage)) % N];
      }
    }
  }
}

/// The words from bank `bank` of `row` on; those outside [low, high) read as bytes `outside`.
template <typename P>
void ReadArena(const ArenaMemory<P>& arena, std::uint32_t row, std::uint32_t bank, std::uint32_t low,
               std::uint32_t high, std::int8_t outside, std::uint64_t (&words)[P::kBanks]) {
#pragma HLS INLINE
  std::uint64_t padding = 0;
PadByte:
  for (unsigned i = 0; i < kWordBytes; ++i) {
#pragma HLS UNROLL
    padding |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(outside)) << (8 * i);
  }
ReadBank:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
    words[i] = arena[row + (i < bank ? 1 : 0)][i];
  }
  Rotate(words, bank);
Pad:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
    if (i < low || i >= high) words[i] = padding;
  }
}

/// Writes the first `count` words of `bytes` from bank `bank` of `row` on.
template <typename P, unsigned N>
void WriteArena(ArenaMemory<P>& arena, std::uint32_t row, std::uint32_t bank,
                const std::int8_t (&bytes)[N], std::uint32_t count) {
#pragma HLS INLINE
  static_assert(N <= Sizes<P>::kBankBytes && N % kWordBytes == 0, "WriteArena: whole words.");
  std::uint64_t words[P::kBanks];
#pragma HLS ARRAY_PARTITION variable = words complete
WriteWord:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
    words[i] = i * kWordBytes < N ? WordOf(bytes, i * kWordBytes % N) : 0;
  }
  Rotate(words, P::kBanks - bank);
WriteBank:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
    if ((i - bank) % P::kBanks < count) arena[row + (i < bank ? 1 : 0)][i] = words[i];
  }
}

}  // namespace hwmap
