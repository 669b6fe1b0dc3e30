#pragma once

// Rows of tensors that come into the arena and leave it: through the streams, or to DRAM and back.

#include <cstdint>

#include "hwmap/arena.hpp"
#include "hwmap/clock.hpp"
#include "hwmap/constants.hpp"
#include "hwmap/reads.hpp"
#include "hwmap/row.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/stream.hpp"
#include "hwmap/writes.hpp"

namespace hwmap {

/// The words of the arena that a command names, as a word of the bus.
template <typename P>
void ReadBeat(const ArenaMemory<P>& arena, const ReadCommand<P>& command,
              Bytes<P::kBusBytes>& word) {
#pragma HLS INLINE
  std::uint64_t words[P::kBanks];
#pragma HLS ARRAY_PARTITION variable = words complete
  ReadArena<P>(arena, command.row, command.bank, command.low, command.high, 0, words);
BeatByte:
  for (unsigned i = 0; i < P::kBusBytes; ++i) {
#pragma HLS UNROLL
    word.at[i] = ByteOf(words[i / kWordBytes], i % kWordBytes);
  }
}

/// A word of the input as words of the arena: as it is, or each pixel of few `channels` as a word.
template <typename P>
void Unpack(const Bytes<P::kBusBytes>& word, std::uint32_t channels,
            std::int8_t (&bytes)[Sizes<P>::kBankBytes]) {
#pragma HLS INLINE
UnpackByte:
  for (unsigned i = 0; i < Sizes<P>::kBankBytes; ++i) {
#pragma HLS UNROLL
    std::int8_t value = i < P::kBusBytes ? word.at[i % P::kBusBytes] : 0;
  UnpackChannels:
    for (unsigned packed = 1; packed <= kMostPacked; ++packed) {
#pragma HLS UNROLL
      const unsigned from = i / kWordBytes * packed + i % kWordBytes;
      const bool there = i % kWordBytes < packed && from < P::kBusBytes;
      if (channels == packed) value = there ? word.at[from % P::kBusBytes] : 0;
    }
    bytes[i] = value;
  }
}

/// Rows of a tensor from the input to the arena.
template <typename P, typename Words, typename Commands>
void Load(const Row& row, Fetcher<P>& fetcher, ArenaMemory<P>& arena, ConstantMemory<P>& constants,
          Words& program, Commands& commands, Port<P::kBusBytes>& input, Clock& clock) {
#pragma HLS INLINE
  std::uint32_t words = row.walk_trips;
LoadWord:
  for (std::uint32_t left = row.trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    clock.Tick();
    if (words != 0) {
      const WriteCommand<P> command = hwmap::Read(commands, clock);
      const Bytes<P::kBusBytes> word = ReadPort<P::kBusBytes>(input, clock).word;
#pragma HLS AGGREGATE variable = word
      std::int8_t bytes[Sizes<P>::kBankBytes];
#pragma HLS ARRAY_PARTITION variable = bytes complete
      Unpack<P>(word, row.packed_channels, bytes);
      WriteArena<P>(arena, command.row, command.bank, bytes, command.count);
      --words;
    }
    fetcher.Advance(program, constants, clock);
  }
}

/// Rows of a tensor from the arena to the output.
template <typename P, typename Words, typename Commands>
void Store(const Row& row, Fetcher<P>& fetcher, const ArenaMemory<P>& arena,
           ConstantMemory<P>& constants, Words& program, Commands& commands,
           Port<P::kBusBytes>& output, Clock& clock) {
#pragma HLS INLINE
  std::uint32_t words_left = row.walk_trips;
StoreWord:
  for (std::uint32_t left = row.trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    clock.Tick();
    if (words_left != 0) {
      const ReadCommand<P> command = hwmap::Read(commands, clock);
      Bytes<P::kBusBytes> word;
#pragma HLS AGGREGATE variable = word
      ReadBeat<P>(arena, command, word);
      WritePort<P::kBusBytes>(output, word, row.ends != 0 && words_left == 1, clock);
      --words_left;
    }
    fetcher.Advance(program, constants, clock);
  }
}

/// Rows of a tensor from the arena to DRAM. Nothing else is moved meanwhile: a burst.
template <typename P, typename Commands>
void Spill(const Row& row, const ArenaMemory<P>& arena, Commands& commands,
           Bytes<P::kBusBytes>* dram, Clock& clock) {
#pragma HLS INLINE
  Bytes<P::kBusBytes>* const rows = dram + row.address;
  const std::uint32_t count = row.walk_trips;
  clock.Skip(P::kDramLatencyCycles);
SpillWord:
  for (std::uint32_t i = 0; i < count; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    clock.Tick();
    const ReadCommand<P> command = hwmap::Read(commands, clock);
    Bytes<P::kBusBytes> word;
#pragma HLS AGGREGATE variable = word
    ReadBeat<P>(arena, command, word);
    rows[i] = word;
  }
}

/// Rows of a tensor from DRAM to the arena.
template <typename P, typename Commands>
void Reload(const Row& row, ArenaMemory<P>& arena, Commands& commands,
            const Bytes<P::kBusBytes>* dram, Clock& clock) {
#pragma HLS INLINE
  const Bytes<P::kBusBytes>* const rows = dram + row.address;
  const std::uint32_t count = row.walk_trips;
  clock.Skip(P::kDramLatencyCycles);
ReloadWord:
  for (std::uint32_t i = 0; i < count; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    clock.Tick();
    const Bytes<P::kBusBytes> word = rows[i];
#pragma HLS AGGREGATE variable = word
    const WriteCommand<P> command = hwmap::Read(commands, clock);
    WriteArena<P>(arena, command.row, command.bank, word.at, command.count);
  }
}

/// The DRAM of a design that has no port for rows of tensors.
struct NoSpills {};

template <typename P, typename Commands>
void Spill(const Row&, const ArenaMemory<P>&, Commands&, NoSpills, Clock&) {
#pragma HLS INLINE
}

template <typename P, typename Commands>
void Reload(const Row&, ArenaMemory<P>&, Commands&, NoSpills, Clock&) {
#pragma HLS INLINE
}

}  // namespace hwmap
