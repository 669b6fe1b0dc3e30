#pragma once

// What happens to the sums of a block: requantized, looked up, and written to the arena.

#include <cstdint>

#include "hwmap/arena.hpp"
#include "hwmap/channel.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/requantize.hpp"
#include "hwmap/row.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/writes.hpp"

namespace hwmap {

/// The largest shift of a requantizer.
constexpr unsigned kMostShift = 47;
/// Bits of a sum with its bias.
constexpr unsigned kSumBits = 32;

/// Requantizes the next results of a pixel whose `sums` are complete, and writes them when they fill
/// their words.
template <typename P>
void WriteResults(const Row& row, const WriteCommand<P>& command,
                  const std::int32_t (&sums)[Sizes<P>::kBlock], const ChannelMemory<P>& channels,
                  const TableMemory<P>& table, std::int8_t (&held)[Sizes<P>::kResultBytes],
                  ArenaMemory<P>& arena) {
#pragma HLS INLINE
  const bool per_channel = row.kind == StepKind::kMatrix || row.kind == StepKind::kDepthwise;
  std::int32_t slice_sums[P::kRequantLanes] = {};
  std::int8_t constants[P::kRequantLanes * kChannelBytes] = {};
#pragma HLS ARRAY_PARTITION variable = slice_sums complete
#pragma HLS ARRAY_PARTITION variable = constants complete
Slice:
  for (unsigned s = 0; s < Sizes<P>::kSlices; ++s) {
#pragma HLS UNROLL
    if (s == command.slice) {
    SliceLane:
      for (unsigned i = 0; i < P::kRequantLanes; ++i) {
#pragma HLS UNROLL
        const unsigned lane = s * P::kRequantLanes + i;
        if (lane < Sizes<P>::kBlock) {
          slice_sums[i] = sums[lane % Sizes<P>::kBlock];
        SliceByte:
          for (unsigned j = 0; j < kChannelBytes; ++j) {
#pragma HLS UNROLL
            constants[i * kChannelBytes + j] = channels[lane % Sizes<P>::kBlock * kChannelBytes + j];
          }
        }
      }
    }
  }
  // Results of earlier trips that are of the same word move down.
Hold:
  for (unsigned i = 0; i + P::kRequantLanes < Sizes<P>::kResultBytes; ++i) {
#pragma HLS UNROLL
    held[i] = held[(i + P::kRequantLanes) % Sizes<P>::kResultBytes];
  }
Result:
  for (unsigned i = 0; i < P::kRequantLanes; ++i) {
#pragma HLS UNROLL
    const Channel own = UnpackChannel(constants, i * kChannelBytes);
    const std::int32_t bias = per_channel ? own.bias : row.bias;
    const std::uint32_t multiplier =
        per_channel ? own.multiplier : static_cast<std::uint32_t>(row.multiplier);
    const std::uint32_t shift = per_channel ? own.shift : static_cast<std::uint32_t>(row.shift);
    const std::int8_t level = Requantize<kSumBits, kMostShift>(slice_sums[i] + bias, multiplier, shift,
                                                               row.zero_point, row.low, row.high);
    held[Sizes<P>::kResultBytes - P::kRequantLanes + i] =
        row.kind == StepKind::kLookup ? table[level + 128] : level;
  }
  if (command.writes) WriteArena<P>(arena, command.row, command.bank, held, command.count);
}

}  // namespace hwmap
