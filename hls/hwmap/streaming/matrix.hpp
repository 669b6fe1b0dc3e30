#pragma once

// A convolution: one loop, in which words arrive in the row memory, dot products are summed up, and
// complete sums leave as results.

#include <cstdint>

#include "hwmap/chain.hpp"
#include "hwmap/channel.hpp"
#include "hwmap/drain.hpp"
#include "hwmap/fifo.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/memory.hpp"
#include "hwmap/multiply.hpp"
#include "hwmap/window.hpp"

namespace hwmap {

/// The products of this trip, summed up for each pixel and output channel. Two output channels share
/// every value, and so a multiplier; where there is an odd number, two pixels share every weight.
template <typename P>
void MatrixTerms(const std::int8_t (&values)[P::kPixels * P::kSimd],
                 const std::int8_t (&weights)[P::kPe * P::kSimd],
                 std::int32_t (&terms)[P::kBlock]) {
#pragma HLS INLINE
  constexpr bool kPairPixels = P::kPe % 2 == 1 && P::kPixels % 2 == 0;
  constexpr unsigned kRows = kPairPixels ? P::kPixels : P::kPe;
  constexpr unsigned kShared = kPairPixels ? P::kPe : P::kPixels;
  // A single one has a twin of zeros, which synthesis removes.
  constexpr unsigned kTwin = kRows == 1 ? 0 : 1;
Shared:
  for (unsigned shared = 0; shared < kShared; ++shared) {
#pragma HLS UNROLL
    std::int8_t x[P::kSimd];
#pragma HLS ARRAY_PARTITION variable = x complete
  SharedTerm:
    for (unsigned i = 0; i < P::kSimd; ++i) {
#pragma HLS UNROLL
      x[i] = kPairPixels ? weights[shared * P::kSimd + i] : values[shared * P::kSimd + i];
    }
  Pair:
    for (unsigned row = 0; row < kRows; row += 1 + kTwin) {
#pragma HLS UNROLL
      std::int8_t first[P::kSimd], second[P::kSimd];
#pragma HLS ARRAY_PARTITION variable = first complete
#pragma HLS ARRAY_PARTITION variable = second complete
      const bool paired = kTwin == 1 && row + 1 < kRows;
      const unsigned twin = paired ? row + 1 : row;
    PairTerm:
      for (unsigned i = 0; i < P::kSimd; ++i) {
#pragma HLS UNROLL
        first[i] = kPairPixels ? values[row * P::kSimd + i] : weights[row * P::kSimd + i];
        const std::int8_t other =
            kPairPixels ? values[twin * P::kSimd + i] : weights[twin * P::kSimd + i];
        second[i] = paired ? other : 0;
      }
      const DotProducts both =
          MultiplyPair<P::kOperandBits, P::kPackShift, P::kCascadeTerms>(first, second, x);
      terms[kPairPixels ? row * P::kPe + shared : shared * P::kPe + row] = both.first;
      if (paired) {
        terms[kPairPixels ? twin * P::kPe + shared : shared * P::kPe + twin] = both.second;
      }
    }
  }
}

/// The weights of a trip: if it computes, the next ones from DRAM, or those of a memory.
template <unsigned Width, int Depth>
inline void TakeWeights(Fifo<Bytes<Width>, Depth>& arriving, std::uint32_t, bool computes,
                        std::int8_t (&row)[Width], Clock& clock) {
#pragma HLS INLINE
  if (computes) {
    const Bytes<Width> word = ReadFifo(arriving, clock);
#pragma HLS AGGREGATE variable = word
  TakeByte:
    for (unsigned i = 0; i < Width; ++i) {
#pragma HLS UNROLL
      row[i] = word.at[i];
    }
  }
}

template <unsigned Words, unsigned Width>
inline void TakeWeights(const std::int8_t (&memory)[Words][Width], std::uint32_t address, bool,
                        std::int8_t (&row)[Width], Clock&) {
#pragma HLS INLINE
  ReadMemory(memory, address, row);
}

/// The loop for `images` images. `weights` has a word for each pass and step, `channels` one for each
/// pass and trip of its drain.
template <typename P, typename Weights, typename Input, typename Output>
void RunMatrix(const Numbers& numbers, Weights& weights,
               const std::int8_t (&channels)[P::kChannelWords][P::kResults * kChannelBytes],
               std::int8_t (&memory)[P::kBanks][P::kMemoryWords][P::kLanes], Input& input,
               Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  Window<P> window;
  Arrival<P> arrival;
  Pace<P::kWords, P::kTrips> arriving;
  Pace<P::kComputing, P::kTrips> computing;
  Count<P::kWeightWords> weight;
  Count<P::kChannelWords> channel;
  Count<P::kDrainTrips> part;
  bool draining = false;
  SInt<P::kSumBits> sums[P::kBlock] = {}, complete[P::kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = sums complete
#pragma HLS ARRAY_PARTITION variable = complete complete
  std::int8_t word[P::kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = word complete
Trip:
  for (Run<P::kTrips, P::kLead, P::kDrainTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = memory type = intra dependent = false
#pragma HLS DEPENDENCE variable = memory type = inter direction = RAW distance = 4 dependent = true
#pragma HLS DEPENDENCE variable = memory type = inter direction = WAR dependent = false
    const Place<P> place = window.Here();
    std::int8_t values[P::kPixels * P::kSimd];
#pragma HLS ARRAY_PARTITION variable = values complete
    ReadWindow<P>(memory, place, static_cast<std::int8_t>(numbers.first_zero), values);
    const bool computes = run.computing() && computing.Next();
    std::int8_t row[P::kPe * P::kSimd] = {};
#pragma HLS ARRAY_PARTITION variable = row complete
    TakeWeights(weights, weight.at(), computes, row, clock);
    std::int32_t terms[P::kBlock];
#pragma HLS ARRAY_PARTITION variable = terms complete
    MatrixTerms<P>(values, row, terms);

    if (draining) {
      std::int8_t constants[P::kResults * kChannelBytes];
#pragma HLS ARRAY_PARTITION variable = constants complete
      ReadMemory(channels, channel.at(), constants);
      channel.Next();
      if (DrainResults<P>(numbers, constants, draining, part, complete, word)) {
        WriteFifo(output, PackWord(word), clock);
      }
    }
    if (computes) {
    Sum:
      for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
        sums[i] = Select(place.begins, 0, sums[i]) + terms[i];
      }
      if (place.ends) {
        KeepSums(sums, complete);
        draining = true;
      }
      window.Next();
      weight.Next();
    }
    if (run.arriving() && arriving.Next()) TakeWord<P>(input, arrival, memory, clock);
    clock.Tick();
  }
}

}  // namespace hwmap
