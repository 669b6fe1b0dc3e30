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
void Rotate(std::int8_t (&words)[N][kWordBytes], std::uint32_t places) {
#pragma HLS INLINE
RotateStage:
  for (unsigned stage = 0; stage < BitsFor(N - 1); ++stage) {
#pragma HLS UNROLL
    if ((places >> stage & 1) != 0) {
      std::int8_t from[N][kWordBytes];
#pragma HLS ARRAY_PARTITION variable = from complete dim = 0
    RotateCopy:
      for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
      RotateCopyByte:
        for (unsigned j = 0; j < kWordBytes; ++j) {
#pragma HLS UNROLL
          from[i][j] = words[i][j];
        }
      }
    RotateWord:
      for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
      RotateByte:
        for (unsigned j = 0; j < kWordBytes; ++j) {
#pragma HLS UNROLL
          words[i][j] = from[(i + (1u << stage)) % N][j];
        }
      }
    }
  }
}

/// The words from bank `bank` of `row` on; those outside [low, high) read as bytes `outside`.
template <typename P>
void ReadArena(const ArenaMemory<P>& arena, std::uint32_t row, std::uint32_t bank, std::uint32_t low,
               std::uint32_t high, std::int8_t outside,
               std::int8_t (&words)[P::kBanks][kWordBytes]) {
#pragma HLS INLINE
ReadBank:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
  ReadByte:
    for (unsigned j = 0; j < kWordBytes; ++j) {
#pragma HLS UNROLL
      words[i][j] = arena[row + (i < bank ? 1 : 0)][i][j];
    }
  }
  Rotate<P::kBanks>(words, bank);
Pad:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
    const bool padded = i < low || i >= high;
  PadByte:
    for (unsigned j = 0; j < kWordBytes; ++j) {
#pragma HLS UNROLL
      if (padded) words[i][j] = outside;
    }
  }
}

/// Writes the first `count` words of `bytes` from bank `bank` of `row` on.
template <typename P, unsigned N>
void WriteArena(ArenaMemory<P>& arena, std::uint32_t row, std::uint32_t bank,
                const std::int8_t (&bytes)[N], std::uint32_t count) {
#pragma HLS INLINE
  static_assert(N <= Sizes<P>::kBankBytes && N % kWordBytes == 0, "WriteArena: whole words.");
  std::int8_t words[P::kBanks][kWordBytes];
#pragma HLS ARRAY_PARTITION variable = words complete dim = 0
WriteWord:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
  WriteByte:
    for (unsigned j = 0; j < kWordBytes; ++j) {
#pragma HLS UNROLL
      const unsigned at = i * kWordBytes + j;
      words[i][j] = at < N ? bytes[at % N] : 0;
    }
  }
  Rotate<P::kBanks>(words, P::kBanks - bank);
WriteBank:
  for (unsigned i = 0; i < P::kBanks; ++i) {
#pragma HLS UNROLL
    if ((i - bank) % P::kBanks < count) {
    WriteBankByte:
      for (unsigned j = 0; j < kWordBytes; ++j) {
#pragma HLS UNROLL
        arena[row + (i < bank ? 1 : 0)][i][j] = words[i][j];
      }
    }
  }
}

}  // namespace hwmap
