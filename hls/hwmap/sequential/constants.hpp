#pragma once

// Memories for weights and channel constants, and the fetcher that fills them from DRAM.

#include <cstdint>

#include "hwmap/step.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

/// `Depth` words of `WordBytes` bytes: read by the word, written `BusBytes` at a time.
template <unsigned Depth, unsigned WordBytes, unsigned BusBytes>
class ConstantMemory {
  static_assert(WordBytes % BusBytes == 0, "ConstantMemory: a word is a whole number of bus words.");

 public:
  static constexpr unsigned kParts = WordBytes / BusBytes;

  ConstantMemory() {
#pragma HLS ARRAY_PARTITION variable = words_ dim = 2 complete
#pragma HLS ARRAY_RESHAPE variable = words_ dim = 3 complete
  }

  Bytes<WordBytes> Read(std::uint32_t address) const {
#pragma HLS INLINE
// A step never fetches where it reads: the plan's checker has shown it.
#pragma HLS DEPENDENCE variable = words_ type = inter dependent = false
    Bytes<WordBytes> word;
  ReadPart:
    for (unsigned part = 0; part < kParts; ++part) {
#pragma HLS UNROLL
    ReadByte:
      for (unsigned i = 0; i < BusBytes; ++i) {
#pragma HLS UNROLL
        word.at[part * BusBytes + i] = words_[address][part][i];
      }
    }
    return word;
  }

  void Write(std::uint32_t address, unsigned part, const Bytes<BusBytes>& bytes) {
#pragma HLS INLINE
#pragma HLS DEPENDENCE variable = words_ type = inter dependent = false
  WriteByte:
    for (unsigned i = 0; i < BusBytes; ++i) {
#pragma HLS UNROLL
      words_[address][part][i] = bytes.at[i];
    }
  }

 private:
  std::int8_t words_[Depth][kParts][BusBytes];
};

/// What the requantizer needs to know of one output channel; 8 bytes in the channel memory.
struct Channel {
  std::int32_t bias;
  std::uint32_t multiplier;
  unsigned shift;
};

constexpr unsigned kChannelBytes = 8;

/// The channel whose 8 bytes begin at `bytes`: bias (32 bits), multiplier (24), shift (8).
inline Channel UnpackChannel(const std::int8_t* bytes) {
#pragma HLS INLINE
  std::uint32_t half[2] = {0, 0};
UnpackByte:
  for (unsigned i = 0; i < kChannelBytes; ++i) {
#pragma HLS UNROLL
    half[i / 4] |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * (i % 4));
  }
  return {static_cast<std::int32_t>(half[0]), half[1] & 0xffffff, half[1] >> 24};
}

/// Moves the constants of a later step from the DRAM stream into their memories, a bus word per
/// iteration of whatever loop is running.
template <typename P>
class Fetcher {
 public:
  using Word = Bytes<P::kBusBytes>;
  using Weights = ConstantMemory<P::kWeightWords, P::kPe * P::kSimd, P::kBusBytes>;
  using Channels =
      ConstantMemory<P::kChannelWords, kChannelBytes * P::kRequantLanes, P::kBusBytes>;

  explicit Fetcher(const Fetch& fetch) : fetch_(fetch) {}

  bool Done() const { return fetch_.weight_words == 0 && fetch_.channel_words == 0; }

  template <typename Constants>
  void Advance(Constants& constants, Weights& weights, Channels& channels, Clock& clock) {
#pragma HLS INLINE
    if (Done()) return;
    const Word word = hwmap::Read(constants, clock);
    if (fetch_.weight_words != 0) {
      weights.Write(fetch_.weight_address, part_, word);
      if (++part_ == Weights::kParts) {
        part_ = 0;
        ++fetch_.weight_address;
        --fetch_.weight_words;
      }
    } else {
      channels.Write(fetch_.channel_address, part_, word);
      if (++part_ == Channels::kParts) {
        part_ = 0;
        ++fetch_.channel_address;
        --fetch_.channel_words;
      }
    }
  }

 private:
  Fetch fetch_;
  unsigned part_ = 0;
};

}  // namespace hwmap
