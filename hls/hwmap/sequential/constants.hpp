#pragma once

// The constant memory: what fills it from DRAM, and what the engine keeps of it.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/program.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

/// Reads the word at `address`.
template <typename P>
void ReadConstant(const ConstantMemory<P>& memory, std::uint32_t address,
                  std::int8_t (&word)[P::kPortBytes]) {
#pragma HLS INLINE
ReadPart:
  for (unsigned part = 0; part < Sizes<P>::kPortWords; ++part) {
#pragma HLS UNROLL
    const std::uint64_t read = memory[address][part];
  ReadPartByte:
    for (unsigned i = 0; i < kWordBytes; ++i) {
#pragma HLS UNROLL
      word[part * kWordBytes + i] = ByteOf(read, i);
    }
  }
}

/// Takes a word of the port as the word `slot` of `bytes`: registers with an enable each.
template <typename P, unsigned N>
void Keep(const std::int8_t (&word)[P::kPortBytes], std::uint32_t slot, std::int8_t (&bytes)[N]) {
#pragma HLS INLINE
SlotByte:
  for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
    bytes[i] = i / P::kPortBytes == slot ? word[i % P::kPortBytes] : bytes[i];
  }
}

/// Moves the constants of later steps from the program into their memory, a bus word per iteration
/// of whatever loop is running.
template <typename P>
class Fetcher {
 public:
  using Segments = Numbers<P, 2 * P::kMostSegments>;

  Fetcher(std::uint32_t words, const Segments& segments) : segments_(segments), words_(words) {}

  template <typename Words>
  void Advance(Words& program, ConstantMemory<P>& memory, Clock& clock) {
#pragma HLS INLINE
    if (words_ == 0) return;
    const std::uint32_t address = left_ == 0 ? NumberAt(segments_, 2 * segment_) : address_;
    const std::uint32_t left = left_ == 0 ? NumberAt(segments_, 2 * segment_ + 1) : left_;
    if (left_ == 0) ++segment_;
    const Bytes<P::kBusBytes> word = hwmap::Read(program, clock);
#pragma HLS AGGREGATE variable = word
  FetchPart:
    for (unsigned part = 0; part < Sizes<P>::kPortWords; ++part) {
#pragma HLS UNROLL
      constexpr unsigned kBeatWords = Sizes<P>::kBeatWords;
      if (part / kBeatWords == address % Sizes<P>::kPortParts) {
        memory[address / Sizes<P>::kPortParts][part] =
            WordOf(word.at, part % kBeatWords * kWordBytes);
      }
    }
    address_ = address + 1;
    left_ = left - 1;
    --words_;
  }

 private:
  const Segments& segments_;
  std::uint32_t words_;
  std::uint32_t segment_ = 0;
  std::uint32_t address_ = 0;
  std::uint32_t left_ = 0;
};

}  // namespace hwmap
