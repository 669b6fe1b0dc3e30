#pragma once

// Weights and other trained numbers: they come from DRAM along a chain of all kernels that have
// any, before the first image. Each keeps its own words and passes on the rest.

#include <cstdint>

#include "hwmap/fifo.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

constexpr unsigned kChainBytes = 4;
using ChainWord = Bytes<kChainBytes>;
using Chain = Fifo<ChainWord, 2>;

inline std::int32_t Join(const ChainWord& word) {
#pragma HLS INLINE
  std::uint32_t joined = 0;
ChainByte:
  for (unsigned i = 0; i < kChainBytes; ++i) {
#pragma HLS UNROLL
    joined |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(word.at[i])) << (8 * i);
  }
  return static_cast<std::int32_t>(joined);
}

/// The numbers that a kernel computes with, besides those per channel.
struct Numbers {
  std::int32_t first_zero;   ///< what padding holds; the zero point of the first input
  std::int32_t second_zero;  ///< the zero point of the second input
  std::int32_t first_factor;
  std::int32_t second_factor;
  std::int32_t bias;
  std::uint32_t shift;
  std::int32_t zero_point;  ///< of the output
  std::int32_t low;
  std::int32_t high;
};

constexpr unsigned kNumbers = 9;

/// Takes the numbers of a kernel from the chain.
inline Numbers LoadNumbers(Chain& chain) {
  Clock clock;
  std::int32_t at[kNumbers];
#pragma HLS ARRAY_PARTITION variable = at complete
LoadNumber:
  for (unsigned i = 0; i < kNumbers; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = kNumbers max = kNumbers
    at[i] = Join(ReadFifo(chain, clock));
  }
  return {at[0], at[1], at[2], at[3], at[4], static_cast<std::uint32_t>(at[5]), at[6], at[7], at[8]};
}

/// Fills a memory from the chain: each of its words is so many words of the chain, the last one
/// filled up.
template <unsigned Words, unsigned Width>
void LoadMemory(Chain& chain, std::int8_t (&memory)[Words][Width]) {
  constexpr unsigned kParts = (Width + kChainBytes - 1) / kChainBytes;
  std::int8_t word[kParts * kChainBytes];
#pragma HLS ARRAY_PARTITION variable = word complete
  Clock clock;
  unsigned part = 0, at = 0;
LoadWord:
  for (unsigned count = 0; count < Words * kParts; ++count) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = Words * kParts max = Words * kParts
    const ChainWord arriving = ReadFifo(chain, clock);
#pragma HLS AGGREGATE variable = arriving
  ShiftPart:
    for (unsigned i = 0; i < kParts * kChainBytes; ++i) {
#pragma HLS UNROLL
      const bool shifted = i + kChainBytes < kParts * kChainBytes;
      word[i] = shifted ? word[(i + kChainBytes) % (kParts * kChainBytes)]
                        : arriving.at[i % kChainBytes];
    }
    const bool complete = part == kParts - 1;
    part = complete ? 0 : part + 1;
    if (complete) {
    StoreByte:
      for (unsigned i = 0; i < Width; ++i) {
#pragma HLS UNROLL
        memory[at][i] = word[i];
      }
      ++at;
    }
  }
}

/// Hands `words` words on to the next kernel of the chain.
inline void PassOn(Chain& from, Chain& to, std::uint32_t words) {
  Clock clock;
PassWord:
  for (std::uint32_t i = 0; i < words; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    WriteFifo(to, ReadFifo(from, clock), clock);
  }
}

/// Reads all words from DRAM.
inline void FeedChain(const ChainWord* dram, std::uint32_t words, Chain& chain) {
  Clock clock;
FeedWord:
  for (std::uint32_t i = 0; i < words; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    WriteFifo(chain, dram[i], clock);
  }
}

}  // namespace hwmap
