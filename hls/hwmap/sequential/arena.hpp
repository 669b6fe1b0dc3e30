#pragma once

// The arena: the one memory that holds all activations.
//
// Each lane is a memory of its own with its own address, so that `kArenaLanes` bytes can be read
// from any byte on, and up to as many written from any other, every cycle. An access begins in a
// row, at a lane, and goes on in the next row. Row 0 and the last one hold no tensor: an unaligned
// access may reach one row beyond either end.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/sizes.hpp"

namespace hwmap {

/// Rotates `bytes` down by `places`: bytes[i] becomes bytes[(i + places) % N].
template <unsigned N>
void Rotate(std::int8_t (&bytes)[N], std::uint32_t places) {
#pragma HLS INLINE
RotateStage:
  for (unsigned stage = 0; stage < BitsFor(N - 1); ++stage) {
#pragma HLS UNROLL
    if ((places >> stage & 1) != 0) {
      std::int8_t from[N];
#pragma HLS ARRAY_PARTITION variable = from complete
    RotateCopy:
      for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
        from[i] = bytes[i];
      }
    RotateByte:
      for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
        bytes[i] = from[(i + (1u << stage)) % N];
      }
    }
  }
}

/// The bytes from lane `offset` of `row` on; lanes outside [low, high) read as `outside`.
template <typename P>
void ReadArena(const ArenaMemory<P>& arena, std::uint32_t row, std::uint32_t offset,
               std::uint32_t low, std::uint32_t high, std::int8_t outside,
               std::int8_t (&bytes)[P::kArenaLanes]) {
#pragma HLS INLINE
ReadLane:
  for (unsigned i = 0; i < P::kArenaLanes; ++i) {
#pragma HLS UNROLL
    bytes[i] = arena[row + (i < offset ? 1 : 0)][i];
  }
  Rotate(bytes, offset);
Pad:
  for (unsigned i = 0; i < P::kArenaLanes; ++i) {
#pragma HLS UNROLL
    if (i < low || i >= high) bytes[i] = outside;
  }
}

/// Writes the first `count` of `bytes`, from byte `target` of the arena on, counted from row 0.
template <typename P, unsigned N>
void WriteArena(ArenaMemory<P>& arena, std::uint32_t target, const std::int8_t (&bytes)[N],
                std::uint32_t count) {
#pragma HLS INLINE
  static_assert(N <= P::kArenaLanes, "WriteArena: at most a row.");
  const std::uint32_t row = target / P::kArenaLanes;
  const std::uint32_t offset = target % P::kArenaLanes;
  std::int8_t lane[P::kArenaLanes];
#pragma HLS ARRAY_PARTITION variable = lane complete
WriteByte:
  for (unsigned i = 0; i < P::kArenaLanes; ++i) {
#pragma HLS UNROLL
    lane[i] = i < N ? bytes[i % N] : 0;
  }
  Rotate(lane, P::kArenaLanes - offset);
WriteLane:
  for (unsigned i = 0; i < P::kArenaLanes; ++i) {
#pragma HLS UNROLL
    if ((i - offset) % P::kArenaLanes < count) {
      arena[row + (i < offset ? 1 : 0)][i] = lane[i];
    }
  }
}

}  // namespace hwmap
