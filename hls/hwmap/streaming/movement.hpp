#pragma once

// Kernels that move words and change none of their values, but for the scales of a concatenation.

#include <cstdint>

#include "hwmap/chain.hpp"
#include "hwmap/channel.hpp"
#include "hwmap/count.hpp"
#include "hwmap/fifo.hpp"
#include "hwmap/memory.hpp"
#include "hwmap/requantize.hpp"

namespace hwmap {

template <typename T>
void WriteAll(const T&, Clock&) {
#pragma HLS INLINE
}

template <typename T, typename Output, typename... Others>
void WriteAll(const T& word, Clock& clock, Output& output, Others&... others) {
#pragma HLS INLINE
  WriteFifo(output, word, clock);
  WriteAll(word, clock, others...);
}

/// The loop of a fork: every word goes to all outputs.
template <typename P, typename Input, typename... Outputs>
void RunFork(Input& input, std::uint32_t images, Clock& clock, Outputs&... outputs) {
#pragma HLS INLINE
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const Bytes<P::kBlock> word = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = word
    WriteAll(word, clock, outputs...);
    clock.Tick();
  }
}

/// The loop of a change of lanes. Both words are made of units of kUnit lanes; the units of a group
/// of pixels stand in `held` until a word that is written has all of its own, or the last ones.
template <typename P, typename Input, typename Output>
void RunGearbox(Input& input, Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  constexpr unsigned kHeld = P::kUnitsIn + P::kUnitsOut;
  std::int8_t held[P::kPixels][kHeld][P::kUnit] = {};
#pragma HLS ARRAY_PARTITION variable = held dim = 0 complete
  UInt<BitsFor(kHeld)> count = 0;
  UInt<BitsFor(P::kUnits)> left = P::kUnits;
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const std::uint32_t wanted = left < P::kUnitsOut ? static_cast<std::uint32_t>(left) : P::kUnitsOut;
    std::uint32_t have = count;
    // Whole words come out of a word that arrives: then nothing is left when the next one comes.
    const std::uint32_t place = P::kUnitsIn % P::kUnitsOut == 0 ? 0 : have;
    if (have < wanted) {
      const Bytes<P::kPixels * P::kLanesIn> word = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = word
    Pixel:
      for (unsigned pixel = 0; pixel < P::kPixels; ++pixel) {
#pragma HLS UNROLL
      Unit:
        for (unsigned unit = 0; unit < kHeld; ++unit) {
#pragma HLS UNROLL
        Source:
          for (unsigned i = 0; i < P::kUnitsIn; ++i) {
#pragma HLS UNROLL
          Lane:
            for (unsigned lane = 0; lane < P::kUnit; ++lane) {
#pragma HLS UNROLL
              const std::int8_t value = word.at[(pixel * P::kUnitsIn + i) * P::kUnit + lane];
              if (unit == place + i) held[pixel][unit][lane] = value;
            }
          }
        }
      }
      have += P::kUnitsIn;
    }
    if (have >= wanted) {
      Bytes<P::kPixels * P::kLanesOut> full;
#pragma HLS AGGREGATE variable = full
    Out:
      for (unsigned i = 0; i < P::kPixels * P::kLanesOut; ++i) {
#pragma HLS UNROLL
        full.at[i] = held[i / P::kLanesOut][i % P::kLanesOut / P::kUnit][i % P::kUnit];
      }
      WriteFifo(output, full, clock);
      const bool ends = left <= P::kUnitsOut;
    MovePixel:
      for (unsigned pixel = 0; pixel < P::kPixels; ++pixel) {
#pragma HLS UNROLL
      Move:
        for (unsigned unit = 0; unit + P::kUnitsOut < kHeld; ++unit) {
#pragma HLS UNROLL
        MoveLane:
          for (unsigned lane = 0; lane < P::kUnit; ++lane) {
#pragma HLS UNROLL
            held[pixel][unit][lane] = held[pixel][unit + P::kUnitsOut][lane];
          }
        }
      }
      // What is behind the last channel of a pixel is dropped.
      have = ends ? 0 : have - P::kUnitsOut;
      left = ends ? P::kUnits : static_cast<std::uint32_t>(left) - P::kUnitsOut;
    }
    count = have;
    clock.Tick();
  }
}

/// The loop of a change to more pixels: those of a wide word wait until the last one comes.
template <typename P, typename Input, typename Output>
void RunGather(Input& input, Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  constexpr unsigned kRatio = P::kPixelsOut / P::kPixelsIn;
  constexpr unsigned kNarrow = P::kPixelsIn * P::kLanes;
  std::int8_t held[kRatio][P::kPixelWords][kNarrow];
#pragma HLS ARRAY_PARTITION variable = held dim = 1 complete
#pragma HLS ARRAY_RESHAPE variable = held dim = 3 complete
#pragma HLS BIND_STORAGE variable = held type = ram_s2p impl = lutram
  Count<P::kPixelWords> at;
  Count<kRatio> part;
  Count<P::kGroups> group;
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = held type = intra dependent = false
    const Bytes<kNarrow> arriving = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = arriving
    Bytes<kRatio * kNarrow> word;
#pragma HLS AGGREGATE variable = word
  Part:
    for (unsigned i = 0; i < kRatio; ++i) {
#pragma HLS UNROLL
    Byte:
      for (unsigned lane = 0; lane < kNarrow; ++lane) {
#pragma HLS UNROLL
        const std::int8_t before = held[i][at.at()][lane];
        word.at[i * kNarrow + lane] = part.at() == i ? arriving.at[lane] : before;
      }
    }
    if (part.last() || group.last()) WriteFifo(output, word, clock);
  Store:
    for (unsigned i = 0; i < kRatio; ++i) {
#pragma HLS UNROLL
      if (part.at() == i) {
      StoreByte:
        for (unsigned lane = 0; lane < kNarrow; ++lane) {
#pragma HLS UNROLL
          held[i][at.at()][lane] = arriving.at[lane];
        }
      }
    }
    if (at.last()) {
      if (group.last()) {
        part = Count<kRatio>();
      } else {
        part.Next();
      }
      group.Next();
    }
    at.Next();
    clock.Tick();
  }
}

/// The loop of a change to fewer pixels: the first ones of a wide word go on at once, the others
/// wait for their turn.
template <typename P, typename Input, typename Output>
void RunSpread(Input& input, Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  constexpr unsigned kRatio = P::kPixelsIn / P::kPixelsOut;
  constexpr unsigned kNarrow = P::kPixelsOut * P::kLanes;
  std::int8_t held[kRatio][P::kPixelWords][kNarrow];
#pragma HLS ARRAY_PARTITION variable = held dim = 1 complete
#pragma HLS ARRAY_RESHAPE variable = held dim = 3 complete
#pragma HLS BIND_STORAGE variable = held type = ram_s2p impl = lutram
  Count<P::kPixelWords> at;
  Count<kRatio> part;
  Count<P::kGroups> group;
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = held type = intra dependent = false
    Bytes<kNarrow> word;
#pragma HLS AGGREGATE variable = word
  Byte:
    for (unsigned lane = 0; lane < kNarrow; ++lane) {
#pragma HLS UNROLL
      std::int8_t value = 0;
    Part:
      for (unsigned i = 1; i < kRatio; ++i) {
#pragma HLS UNROLL
        const std::int8_t before = held[i][at.at()][lane];
        if (part.at() == i) value = before;
      }
      word.at[lane] = value;
    }
    if (part.at() == 0) {
      const Bytes<kRatio * kNarrow> arriving = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = arriving
    First:
      for (unsigned lane = 0; lane < kNarrow; ++lane) {
#pragma HLS UNROLL
        word.at[lane] = arriving.at[lane];
      }
    Store:
      for (unsigned i = 1; i < kRatio; ++i) {
#pragma HLS UNROLL
      StoreByte:
        for (unsigned lane = 0; lane < kNarrow; ++lane) {
#pragma HLS UNROLL
          held[i][at.at()][lane] = arriving.at[i * kNarrow + lane];
        }
      }
    }
    WriteFifo(output, word, clock);
    if (at.last()) {
      if (group.last()) {
        part = Count<kRatio>();
      } else {
        part.Next();
      }
      group.Next();
    }
    at.Next();
    clock.Tick();
  }
}

/// Reads a word of the source whose turn it is.
template <unsigned N, typename Input>
Bytes<N> ReadTurn(std::uint32_t, Clock& clock, Input& last) {
#pragma HLS INLINE
  return ReadFifo(last, clock);
}

template <unsigned N, typename Input, typename... Others>
Bytes<N> ReadTurn(std::uint32_t turn, Clock& clock, Input& input, Others&... others) {
#pragma HLS INLINE
  if (turn == 0) return ReadFifo(input, clock);
  return ReadTurn<N>(turn - 1, clock, others...);
}

/// The loop of a concatenation: kTurn(i) words of source i, then of the next, each at the scale of
/// the output.
template <typename P, typename Output, typename... Inputs>
void RunConcat(const Numbers& numbers, const std::int8_t (&channels)[P::kSources][kChannelBytes],
               Output& output, std::uint32_t images, Clock& clock, Inputs&... inputs) {
#pragma HLS INLINE
  std::uint32_t turn = 0;
  UInt<BitsFor(P::kMostTurn)> left = P::Turn(0) - 1;
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const Bytes<P::kBlock> values = ReadTurn<P::kBlock>(turn, clock, inputs...);
#pragma HLS AGGREGATE variable = values
    std::int8_t constants[kChannelBytes];
#pragma HLS ARRAY_PARTITION variable = constants complete
    ReadMemory(channels, turn, constants);
    const Channel own = UnpackChannel(constants, 0);
    Bytes<P::kBlock> word;
#pragma HLS AGGREGATE variable = word
  Lane:
    for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
      word.at[i] = Requantize<P::kSumBits, P::kMostShift, P::kLeft>(values.at[i] + own.bias, own.multiplier,
                                                          own.shift, numbers.zero_point,
                                                          numbers.low, numbers.high);
    }
    WriteFifo(output, word, clock);
    const bool ends = left == 0;
    const std::uint32_t following = turn == P::kSources - 1 ? 0 : turn + 1;
    const std::uint32_t next = ends ? following : turn;
    left = ends ? P::Turn(following) - 1 : static_cast<std::uint32_t>(left) - 1;
    turn = next;
    clock.Tick();
  }
}

}  // namespace hwmap
