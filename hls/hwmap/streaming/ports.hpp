#pragma once

// Words from and to the ports of the accelerator: a word of a stream each, filled up to a power of
// two of bytes.

#include <cstdint>

#include "hwmap/fifo.hpp"
#include "hwmap/count.hpp"

namespace hwmap {

/// The loop of an input.
template <typename P, typename Output>
void RunSource(Port<P::kPortBytes>& port, Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  Clock none;
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const Beat<P::kPortBytes> beat = ReadPort<P::kPortBytes>(port, none);
#pragma HLS AGGREGATE variable = beat
    Bytes<P::kBlock> word;
#pragma HLS AGGREGATE variable = word
  Byte:
    for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
      word.at[i] = beat.word.at[i];
    }
    WriteFifo(output, word, clock);
    clock.Tick();
  }
}

/// The loop of weights that come from DRAM, all of them for every image.
template <typename P, typename Output>
void RunFeed(const Bytes<P::kBlock>* dram, Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const Bytes<P::kBlock> word = dram[run.trip()];
#pragma HLS AGGREGATE variable = word
    WriteFifo(output, word, clock);
    clock.Tick();
  }
}

/// The loop of an output; TLAST is on the last word of the last image, so that one transfer of a DMA
/// takes them all.
template <typename P, typename Input>
void RunSink(Input& input, Port<P::kPortBytes>& port, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  Clock none;
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const Bytes<P::kBlock> word = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = word
    Bytes<P::kPortBytes> wide;
#pragma HLS AGGREGATE variable = wide
  Byte:
    for (unsigned i = 0; i < P::kPortBytes; ++i) {
#pragma HLS UNROLL
      wide.at[i] = i < P::kBlock ? word.at[i % P::kBlock] : 0;
    }
    WritePort<P::kPortBytes>(port, wide, run.finishing(), none);
    clock.Tick();
  }
}

}  // namespace hwmap
