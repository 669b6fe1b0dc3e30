#pragma once

// Memories for weights and channel constants, and the fetcher that fills them from DRAM.

#include <cstdint>

#include "hwmap/channel.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/step.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

/// Reads the word at `address` of a memory of `Parts` bus words per word.
template <unsigned Depth, unsigned Parts, unsigned BusBytes>
void ReadConstant(const std::int8_t (&memory)[Depth][Parts][BusBytes], std::uint32_t address,
                  std::int8_t (&word)[Parts * BusBytes]) {
#pragma HLS INLINE
ReadPart:
  for (unsigned part = 0; part < Parts; ++part) {
#pragma HLS UNROLL
  ReadByte:
    for (unsigned i = 0; i < BusBytes; ++i) {
#pragma HLS UNROLL
      word[part * BusBytes + i] = memory[address][part][i];
    }
  }
}

/// Writes a bus word as part `part` of the word at `address`.
template <unsigned Depth, unsigned Parts, unsigned BusBytes>
void WriteConstant(std::int8_t (&memory)[Depth][Parts][BusBytes], std::uint32_t address,
                   std::uint32_t part, const Bytes<BusBytes>& bytes) {
#pragma HLS INLINE
WritePart:
  for (unsigned p = 0; p < Parts; ++p) {
#pragma HLS UNROLL
    if (p == part) {
    WriteByte:
      for (unsigned i = 0; i < BusBytes; ++i) {
#pragma HLS UNROLL
        memory[address][p][i] = bytes.at[i];
      }
    }
  }
}

/// Moves the constants of a later step from the DRAM stream into their memories, a bus word per
/// iteration of whatever loop is running.
template <typename P>
class Fetcher {
 public:
  explicit Fetcher(const Fetch& fetch)
      : weight_(fetch.weight_address),
        weight_words_(fetch.weight_words),
        channel_(fetch.channel_address),
        channel_words_(fetch.channel_words) {}

  bool Done() const { return weight_words_ == 0 && channel_words_ == 0; }

  template <typename Constants>
  void Advance(Constants& constants, WeightMemory<P>& weights, ChannelMemory<P>& channels,
               Clock& clock) {
#pragma HLS INLINE
    if (Done()) return;
    const Bytes<P::kBusBytes> word = hwmap::Read(constants, clock);
#pragma HLS AGGREGATE variable = word
    if (weight_words_ != 0) {
      WriteConstant(weights, weight_, part_, word);
      const bool last = part_ == Sizes<P>::kWeightParts - 1;
      part_ = Select(last, 0, part_ + 1);
      if (last) {
        ++weight_;
        --weight_words_;
      }
    } else {
      WriteConstant(channels, channel_, part_, word);
      const bool last = part_ == Sizes<P>::kChannelParts - 1;
      part_ = Select(last, 0, part_ + 1);
      if (last) {
        ++channel_;
        --channel_words_;
      }
    }
  }

 private:
  static constexpr unsigned kMostParts = Sizes<P>::kWeightParts > Sizes<P>::kChannelParts
                                             ? Sizes<P>::kWeightParts
                                             : Sizes<P>::kChannelParts;
  UInt<Sizes<P>::kWeightBits> weight_, weight_words_;
  UInt<Sizes<P>::kChannelBits> channel_, channel_words_;
  UInt<BitsFor(kMostParts)> part_ = 0;
};

/// Sends `count` words of DRAM from `first` on, in one burst.
template <typename P, typename Constants>
void ReadDram(const Bytes<P::kBusBytes>* dram, std::uint32_t first, std::uint32_t count,
              Constants& constants, Clock& clock) {
#pragma HLS INLINE
  if (count != 0) clock.Skip(P::kDramLatencyCycles);
Burst:
  for (std::uint32_t i = 0; i < count; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = P::kDramWords
    hwmap::Write(constants, dram[first + i], clock);
    clock.Tick();
  }
}

}  // namespace hwmap
