#pragma once

// Depthwise convolutions and pooling: every lane sums up, or compares, its own channel.

#include <cstdint>

#include "hwmap/chain.hpp"
#include "hwmap/channel.hpp"
#include "hwmap/drain.hpp"
#include "hwmap/fifo.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/memory.hpp"
#include "hwmap/window.hpp"

namespace hwmap {

/// The taps of a trip, of one row of the window or of all of them.
template <typename P>
constexpr unsigned TripTaps() {
  return P::kTapRows * P::kTaps;
}

/// The loop of a depthwise convolution: `weights` has a word for each pass and step.
template <typename P, typename Input, typename Output>
void RunDepthwise(const Numbers& numbers,
                  const std::int8_t (&weights)[P::kWeightWords][TripTaps<P>() * P::kLanes],
                  const std::int8_t (&channels)[P::kChannelWords][P::kResults * kChannelBytes],
                  std::int8_t (&memory)[P::kTapRows * P::kBanks][P::kMemoryWords][P::kLanes], Input& input,
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
    std::int8_t values[P::kPixels * TripTaps<P>() * P::kLanes];
#pragma HLS ARRAY_PARTITION variable = values complete
    ReadWindow<P>(memory, place, static_cast<std::int8_t>(numbers.first_zero), values);
    std::int8_t row[TripTaps<P>() * P::kLanes];
#pragma HLS ARRAY_PARTITION variable = row complete
    ReadMemory(weights, weight.at(), row);

    if (draining) {
      std::int8_t constants[P::kResults * kChannelBytes];
#pragma HLS ARRAY_PARTITION variable = constants complete
      ReadMemory(channels, channel.at(), constants);
      channel.Next();
      if (DrainResults<P>(numbers, constants, draining, part, complete, word)) {
        WriteFifo(output, PackWord(word), clock);
      }
    }
    if (run.computing() && computing.Next()) {
    Pixel:
      for (unsigned pixel = 0; pixel < P::kPixels; ++pixel) {
#pragma HLS UNROLL
      Lane:
        for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
          std::int32_t term = 0;
        Tap:
          for (unsigned tap = 0; tap < TripTaps<P>(); ++tap) {
#pragma HLS UNROLL
            term += values[(pixel * TripTaps<P>() + tap) * P::kLanes + lane] *
                    row[tap * P::kLanes + lane];
          }
          const unsigned i = pixel * P::kLanes + lane;
          sums[i] = Select(place.begins, 0, sums[i]) + term;
        }
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

/// The loop of an average: `channels` has a word for each run of rows and of columns with windows of
/// one size.
template <typename P, typename Input, typename Output>
void RunAverage(const Numbers& numbers,
                const std::int8_t (&channels)[P::kChannelWords][kChannelBytes],
                std::int8_t (&memory)[P::kTapRows * P::kBanks][P::kMemoryWords][P::kLanes], Input& input,
                Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  Window<P> window;
  Arrival<P> arrival;
  Pace<P::kWords, P::kTrips> arriving;
  Pace<P::kComputing, P::kTrips> computing;
  Count<P::kDrainTrips> part;
  bool draining = false;
  SInt<P::kSumBits> sums[P::kBlock] = {}, complete[P::kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = sums complete
#pragma HLS ARRAY_PARTITION variable = complete complete
  std::int8_t word[P::kBlock] = {}, constants[P::kResults * kChannelBytes] = {};
#pragma HLS ARRAY_PARTITION variable = word complete
#pragma HLS ARRAY_PARTITION variable = constants complete
Trip:
  for (Run<P::kTrips, P::kLead, P::kDrainTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = memory type = intra dependent = false
#pragma HLS DEPENDENCE variable = memory type = inter direction = RAW distance = 4 dependent = true
#pragma HLS DEPENDENCE variable = memory type = inter direction = WAR dependent = false
    const Place<P> place = window.Here();
    std::int8_t values[P::kPixels * TripTaps<P>() * P::kLanes];
#pragma HLS ARRAY_PARTITION variable = values complete
    ReadWindow<P>(memory, place, static_cast<std::int8_t>(numbers.first_zero), values);

    if (draining) {
      if (DrainResults<P>(numbers, constants, draining, part, complete, word)) {
        WriteFifo(output, PackWord(word), clock);
      }
    }
    if (run.computing() && computing.Next()) {
    Lane:
      for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
        std::int32_t term = 0;
      Tap:
        for (unsigned tap = 0; tap < TripTaps<P>(); ++tap) {
#pragma HLS UNROLL
          term += values[(i / P::kLanes * TripTaps<P>() + tap) * P::kLanes + i % P::kLanes];
        }
        sums[i] = Select(place.begins, 0, sums[i]) + term;
      }
      if (place.ends) {
        const std::uint32_t run =
            P::RowRun(window.row()) * P::kColumnRuns + P::ColumnRun(window.across());
        std::int8_t size[kChannelBytes];
#pragma HLS ARRAY_PARTITION variable = size complete
        ReadMemory(channels, run, size);
      Constant:
        for (unsigned i = 0; i < P::kResults * kChannelBytes; ++i) {
#pragma HLS UNROLL
          constants[i] = size[i % kChannelBytes];
        }
        KeepSums(sums, complete);
        draining = true;
      }
      window.Next();
    }
    if (run.arriving() && arriving.Next()) TakeWord<P>(input, arrival, memory, clock);
    clock.Tick();
  }
}

/// The loop of a max pool: what is largest is written on the trip behind the last one of a window.
template <typename P, typename Input, typename Output>
void RunMax(std::int8_t (&memory)[P::kTapRows * P::kBanks][P::kMemoryWords][P::kLanes], Input& input,
            Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  constexpr std::int8_t kLowest = -128;
  Window<P> window;
  Arrival<P> arrival;
  Pace<P::kWords, P::kTrips> arriving;
  Pace<P::kComputing, P::kTrips> computing;
  bool draining = false;
  std::int8_t largest[P::kBlock] = {}, word[P::kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = largest complete
#pragma HLS ARRAY_PARTITION variable = word complete
Trip:
  for (Run<P::kTrips, P::kLead, P::kDrainTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = memory type = intra dependent = false
#pragma HLS DEPENDENCE variable = memory type = inter direction = RAW distance = 4 dependent = true
#pragma HLS DEPENDENCE variable = memory type = inter direction = WAR dependent = false
    const Place<P> place = window.Here();
    std::int8_t values[P::kPixels * TripTaps<P>() * P::kLanes];
#pragma HLS ARRAY_PARTITION variable = values complete
    ReadWindow<P>(memory, place, kLowest, values);

    if (draining) WriteFifo(output, PackWord(word), clock);
    draining = false;
    if (run.computing() && computing.Next()) {
    Lane:
      for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
        std::int8_t most = place.begins ? kLowest : largest[i];
      Tap:
        for (unsigned tap = 0; tap < TripTaps<P>(); ++tap) {
#pragma HLS UNROLL
          const std::int8_t value =
              values[(i / P::kLanes * TripTaps<P>() + tap) * P::kLanes + i % P::kLanes];
          if (value > most) most = value;
        }
        largest[i] = most;
        word[i] = most;
      }
      draining = place.ends;
      window.Next();
    }
    if (run.arriving() && arriving.Next()) TakeWord<P>(input, arrival, memory, clock);
    clock.Tick();
  }
}

}  // namespace hwmap
