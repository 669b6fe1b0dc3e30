#pragma once

// The engine: one matrix array and one set of vector lanes, driven by a table of steps.
//
// The body of every loop reads its memories, computes, and only then writes what earlier trips
// finished: a write that stood before a read would be a dependence within a trip. That a step never
// writes where it reads, the plan's checker has shown; the pragmas say so.

#include <cstdint>

#include "hwmap/arena.hpp"
#include "hwmap/clock.hpp"
#include "hwmap/constants.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/results.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/step.hpp"
#include "hwmap/stream.hpp"
#include "hwmap/terms.hpp"
#include "hwmap/walker.hpp"

namespace hwmap {

/// Fills the resident part of the constant memories: once, before the first image.
template <typename P, typename Constants>
void LoadResident(const Fetch& resident, WeightMemory<P>& weights, ChannelMemory<P>& channels,
                  Constants& constants, Clock& clock) {
#pragma HLS INLINE
  Fetcher<P> fetcher(resident);
ResidentWord:
  for (UInt<BitsFor(P::kDramWords)> left = P::kResidentBusWords; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = P::kDramWords
    clock.Tick();
    fetcher.Advance(constants, weights, channels, clock);
  }
}

/// A tensor from the input to the arena.
template <typename P, typename Constants>
void Load(const Step& step, ArenaMemory<P>& arena, WeightMemory<P>& weights,
          ChannelMemory<P>& channels, Constants& constants, Port<P::kBusBytes>& input,
          Clock& clock) {
#pragma HLS INLINE
  Fetcher<P> fetcher(step.fetch);
  UInt<P::kTripBits> words = step.stream_words;
  UInt<Sizes<P>::kTargetBits> target = step.stream_address + P::kArenaLanes;
LoadWord:
  for (UInt<P::kTripBits> left = step.trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = P::kMostTrips
    clock.Tick();
    if (words != 0) {
      const Bytes<P::kBusBytes> word = ReadPort<P::kBusBytes>(input, clock).word;
#pragma HLS AGGREGATE variable = word
      WriteArena<P>(arena, target, word.at, words == 1 ? step.last_bytes : P::kBusBytes);
      target = target + P::kBusBytes;
      --words;
    }
    fetcher.Advance(constants, weights, channels, clock);
  }
}

/// A tensor from the arena to the output.
template <typename P, typename Constants>
void Store(const Step& step, const ArenaMemory<P>& arena, WeightMemory<P>& weights,
           ChannelMemory<P>& channels, Constants& constants, Port<P::kBusBytes>& output,
           Clock& clock) {
#pragma HLS INLINE
  Fetcher<P> fetcher(step.fetch);
  UInt<P::kTripBits> words = step.stream_words;
  UInt<Sizes<P>::kTargetBits> source = step.stream_address + P::kArenaLanes;
StoreWord:
  for (UInt<P::kTripBits> left = step.trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = P::kMostTrips
    clock.Tick();
    if (words != 0) {
      std::int8_t bytes[P::kArenaLanes];
#pragma HLS ARRAY_PARTITION variable = bytes complete
      const std::uint32_t at = source;
      ReadArena<P>(arena, at / P::kArenaLanes, at % P::kArenaLanes, 0,
                   words == 1 ? step.last_bytes : P::kBusBytes, 0, bytes);
      Bytes<P::kBusBytes> word;
#pragma HLS AGGREGATE variable = word
    StoreByte:
      for (unsigned i = 0; i < P::kBusBytes; ++i) {
#pragma HLS UNROLL
        word.at[i] = bytes[i];
      }
      WritePort<P::kBusBytes>(output, word, words == 1, clock);
      source = source + P::kBusBytes;
      --words;
    }
    fetcher.Advance(constants, weights, channels, clock);
  }
}

/// A step on the matrix array or the vector lanes.
template <typename P, typename Constants, typename Commands>
void Compute(const Step& step, ArenaMemory<P>& arena, WeightMemory<P>& weights,
             ChannelMemory<P>& channels, const TableMemory<P>& tables, Constants& constants,
             Commands& commands, Clock& clock) {
#pragma HLS INLINE
  Fetcher<P> fetcher(step.fetch);
  Drain<P> drain;
  SInt<P::kSumBits> sums[Sizes<P>::kBlock] = {};
  SInt<P::kSumBits> complete[Sizes<P>::kBlock] = {};
  SInt<kCentredBits> held[P::kVectorLanes] = {};
  std::int8_t largest[P::kVectorLanes] = {};
#pragma HLS ARRAY_PARTITION variable = sums complete
#pragma HLS ARRAY_PARTITION variable = complete complete
#pragma HLS ARRAY_PARTITION variable = held complete
#pragma HLS ARRAY_PARTITION variable = largest complete
  UInt<P::kTripBits> walk_left = step.walk.walk_trips;
ComputeTrip:
  for (UInt<P::kTripBits> left = step.trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = P::kMostTrips
#pragma HLS DEPENDENCE variable = arena type = inter dependent = false
#pragma HLS DEPENDENCE variable = arena type = intra dependent = false
#pragma HLS DEPENDENCE variable = weights type = inter dependent = false
#pragma HLS DEPENDENCE variable = weights type = intra dependent = false
#pragma HLS DEPENDENCE variable = channels type = inter dependent = false
#pragma HLS DEPENDENCE variable = channels type = intra dependent = false
    clock.Tick();
    // Read, and multiply.
    Command<P> command = {};
    if (walk_left != 0) {
      command = hwmap::Read(commands, clock);
      --walk_left;
    }
    if (command.has_term) {
      std::int8_t bytes[P::kArenaLanes];
      std::int8_t word[P::kPe * P::kSimd];
#pragma HLS ARRAY_PARTITION variable = bytes complete
#pragma HLS ARRAY_PARTITION variable = word complete
      ReadArena<P>(arena, command.row, command.offset, command.low, command.high, step.pad_value,
                   bytes);
      ReadConstant(weights, command.weight, word);
      std::int32_t terms[Sizes<P>::kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = terms complete
      if (Is<P>(step.kind, StepKind::kMatrix)) {
        MatrixTerms<P>(bytes, word, terms);
      } else {
        VectorTerms<P>(step, bytes, word, command.slice, command.first, terms, held, largest);
      }
      Accumulate<P>(terms, command.first || IsProduct<P>(step.kind), sums);
    }
    // Write what earlier trips completed.
    if (drain.left != 0) DrainResults<P>(step, tables, channels, drain, complete, arena);
    // Hand over what this one did.
    if (command.last) {
      drain.left = step.walk.drains;
      drain.target = command.target;
      drain.channels_left = static_cast<std::int32_t>(command.channels_left);
      drain.channel = command.channel;
    Complete:
      for (unsigned i = 0; i < Sizes<P>::kBlock; ++i) {
#pragma HLS UNROLL
        const bool is_largest = Is<P>(step.kind, StepKind::kMaxPool) && i < P::kVectorLanes;
        complete[i] = Select(is_largest, largest[i % P::kVectorLanes], sums[i]);
      }
    }
    fetcher.Advance(constants, weights, channels, clock);
  }
}

/// Runs all steps, for one image.
template <typename P, typename Constants, typename Commands>
void RunImage(const Step (&steps)[P::kSteps], ArenaMemory<P>& arena, WeightMemory<P>& weights,
              ChannelMemory<P>& channels, const TableMemory<P>& tables, Constants& constants,
              Commands& commands, Port<P::kBusBytes>& input, Port<P::kBusBytes>& output,
              Clock& clock) {
#pragma HLS INLINE
  if (P::kFetchedBusWords != 0) WaitForWord(constants, clock);
Steps:
  for (unsigned i = 0; i < P::kSteps; ++i) {
    const Step step = steps[i];
    clock.Skip(P::kStepOverheadCycles);
    if (step.kind == StepKind::kLoad) {
      Load<P>(step, arena, weights, channels, constants, input, clock);
    } else if (step.kind == StepKind::kStore) {
      Store<P>(step, arena, weights, channels, constants, output, clock);
    } else {
      Compute<P>(step, arena, weights, channels, tables, constants, commands, clock);
    }
    clock.Mark();
  }
}

}  // namespace hwmap
