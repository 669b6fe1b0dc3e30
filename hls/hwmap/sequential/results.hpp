#pragma once

// What happens to the sums of a block: requantized, looked up, and written to the arena.

#include <cstdint>

#include "hwmap/arena.hpp"
#include "hwmap/constants.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/requantize.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/step.hpp"
#include "hwmap/walker.hpp"

namespace hwmap {

/// A block whose sums are complete, on its way through the requantizer.
template <typename P>
struct Drain {
  UInt<P::kCountBits> left = 0;
  UInt<Sizes<P>::kTargetBits> target = 0;
  SInt<P::kCountBits + 2> channels_left = 0;  ///< below zero behind the last one
  UInt<Sizes<P>::kChannelBits> channel = 0;
};

/// Requantizes the next results of a complete block and writes them to the arena.
template <typename P, typename Sum>
void DrainResults(const Step& step, const TableMemory<P>& tables, const ChannelMemory<P>& channels,
                  Drain<P>& drain, Sum (&complete)[Sizes<P>::kBlock], ArenaMemory<P>& arena) {
#pragma HLS INLINE
  const bool per_channel = HasChannels<P>(step.kind);
  std::int8_t constants[kChannelBytes * P::kRequantLanes];
#pragma HLS ARRAY_PARTITION variable = constants complete
  ReadConstant(channels, drain.channel, constants);
  std::int8_t results[P::kRequantLanes];
#pragma HLS ARRAY_PARTITION variable = results complete
Result:
  for (unsigned i = 0; i < P::kRequantLanes; ++i) {
#pragma HLS UNROLL
    const Channel own = UnpackChannel(constants, i * kChannelBytes);
    const std::int32_t bias = per_channel ? own.bias : step.bias;
    const std::uint32_t multiplier = per_channel ? own.multiplier : step.multiplier;
    const std::uint32_t shift = per_channel ? own.shift : step.shift;
    const std::int32_t sum = static_cast<std::int32_t>(complete[i]) + bias;
    const std::int8_t level = Requantize<P::kSumBits, P::kMostShift>(
        sum, multiplier, shift, step.zero_point, step.low, step.high);
    results[i] = Is<P>(step.kind, StepKind::kLookup) ? tables[step.table][level + 128] : level;
  }
Shift:
  for (unsigned i = 0; i < Sizes<P>::kBlock; ++i) {
#pragma HLS UNROLL
    constexpr unsigned kBlock = Sizes<P>::kBlock;
    const bool inside = i + P::kRequantLanes < kBlock;
    complete[i] = Select(inside, complete[(i + P::kRequantLanes) % kBlock], 0);
  }
  constexpr std::int32_t kResults = P::kRequantLanes;
  const std::int32_t left = drain.channels_left;
  const std::int32_t count = left < 0 ? 0 : (left < kResults ? left : kResults);
  WriteArena<P>(arena, drain.target, results, static_cast<std::uint32_t>(count));
  drain.target = LowUnsigned<Sizes<P>::kTargetBits>(drain.target + P::kRequantLanes);
  drain.channels_left = left - kResults;
  if (per_channel) ++drain.channel;
  --drain.left;
}

}  // namespace hwmap
