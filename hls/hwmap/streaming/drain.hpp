#pragma once

// How sums become a word of results: a few of them on each trip, while the next sums are made.

#include <cstdint>

#include "hwmap/chain.hpp"
#include "hwmap/channel.hpp"
#include "hwmap/count.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/requantize.hpp"

namespace hwmap {

/// Keeps sums that are complete, for their results to leave while the next ones are made.
template <typename Sum, unsigned N>
void KeepSums(const Sum (&sums)[N], Sum (&complete)[N]) {
#pragma HLS INLINE
KeepSum:
  for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
    complete[i] = sums[i];
  }
}

/// Takes the place of one trip in the drain of a word: requantizes the next kResults sums, each with
/// its own constants. Whether the word is complete.
template <typename P, typename Sum>
bool DrainResults(const Numbers& numbers, const std::int8_t (&constants)[P::kResults * kChannelBytes],
                  bool& draining, Count<P::kDrainTrips>& part, Sum (&complete)[P::kBlock],
                  std::int8_t (&word)[P::kBlock]) {
#pragma HLS INLINE
  std::int8_t results[P::kResults];
#pragma HLS ARRAY_PARTITION variable = results complete
Result:
  for (unsigned i = 0; i < P::kResults; ++i) {
#pragma HLS UNROLL
    const Channel channel = UnpackChannel(constants, i * kChannelBytes);
    const std::int32_t sum = static_cast<std::int32_t>(complete[i]) + channel.bias;
    results[i] = Requantize<P::kSumBits, P::kMostShift, P::kLeft>(sum, channel.multiplier, channel.shift,
                                                        numbers.zero_point, numbers.low,
                                                        numbers.high);
  }
Keep:
  for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
    if (part.at() == i / P::kResults) word[i] = results[i % P::kResults];
  }
Shift:
  for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
    const bool inside = i + P::kResults < P::kBlock;
    complete[i] = Select(inside, complete[(i + P::kResults) % P::kBlock], 0);
  }
  const bool finished = draining && part.last();
  if (finished) draining = false;
  part.Next();
  return finished;
}

}  // namespace hwmap
