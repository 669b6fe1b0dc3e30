#pragma once

// Sizes that follow from those of an engine.

#include <cstdint>

#include "hwmap/channel.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/row.hpp"

namespace hwmap {

/// Bytes of a word of the arena.
constexpr unsigned kWordBytes = 8;
/// Neighbouring columns that a vector lane multiplies at once.
constexpr unsigned kTaps = 3;
/// Trips from a sum's read to the next read of the same sum: the program keeps to it.
constexpr unsigned kSumDistance = 4;
/// Values of a table.
constexpr unsigned kTableBytes = 256;

/// Byte `i` of a word.
inline std::int8_t ByteOf(std::uint64_t word, unsigned i) {
#pragma HLS INLINE
  return static_cast<std::int8_t>(word >> (8 * i));
}

/// The word of 8 bytes from `bytes[first]` on.
template <unsigned N>
std::uint64_t WordOf(const std::int8_t (&bytes)[N], unsigned first) {
#pragma HLS INLINE
  std::uint64_t word = 0;
WordByte:
  for (unsigned i = 0; i < kWordBytes; ++i) {
#pragma HLS UNROLL
    word |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[first + i])) << (8 * i);
  }
  return word;
}

constexpr unsigned CeilDiv(unsigned a, unsigned b) { return (a + b - 1) / b; }

template <typename P>
struct Sizes {
  static_assert(P::kPe % kWordBytes == 0 && P::kSimd % kWordBytes == 0,
                "Sizes: PE and SIMD must be whole words.");
  static_assert(P::kVectorLanes % kWordBytes == 0, "Sizes: vector lanes must be whole words.");
  static_assert((P::kRequantLanes & (P::kRequantLanes - 1)) == 0,
                "Sizes: requantizer lanes must be a power of two.");
  static_assert((P::kBanks & (P::kBanks - 1)) == 0, "Sizes: banks must be a power of two.");
  static_assert(P::kPortBytes % P::kBusBytes == 0, "Sizes: a port word must be whole bus words.");

  /// Sums that are computed together.
  static constexpr unsigned kBlock = P::kPe > P::kVectorLanes ? P::kPe : P::kVectorLanes;
  /// Bytes and words that the arena reads and writes at once.
  static constexpr unsigned kBankBytes = P::kBanks * kWordBytes;
  /// Weights that stay in the engine for a term.
  static constexpr unsigned kArrayWeights = P::kPe * P::kSimd;
  static constexpr unsigned kLaneWeights = P::kVectorLanes * kTaps;
  static constexpr unsigned kWeights = kArrayWeights > kLaneWeights ? kArrayWeights : kLaneWeights;
  /// Words of the port that hold them, and the constants of a block's channels.
  static constexpr unsigned kWeightSlots = CeilDiv(kWeights, P::kPortBytes);
  static constexpr unsigned kChannelSlots = CeilDiv(kBlock * kChannelBytes, P::kPortBytes);
  static constexpr unsigned kTableSlots = CeilDiv(kTableBytes, P::kPortBytes);
  static constexpr unsigned kMostSlots =
      kWeightSlots > kChannelSlots ? (kWeightSlots > kTableSlots ? kWeightSlots : kTableSlots)
                                   : (kChannelSlots > kTableSlots ? kChannelSlots : kTableSlots);
  /// Results that are a word, or words of results.
  static constexpr unsigned kParts = P::kRequantLanes < kWordBytes ? kWordBytes / P::kRequantLanes : 1;
  static constexpr unsigned kResultBytes =
      P::kRequantLanes < kWordBytes ? kWordBytes : P::kRequantLanes;
  static constexpr unsigned kResultWords = kResultBytes / kWordBytes;
  static constexpr unsigned kSlices = CeilDiv(kBlock, P::kRequantLanes);
  /// Words of 8 bytes of the port and of the bus; bus words in a word of the port.
  static constexpr unsigned kPortWords = P::kPortBytes / kWordBytes;
  static constexpr unsigned kBeatWords = P::kBusBytes / kWordBytes;
  static constexpr unsigned kPortParts = P::kPortBytes / P::kBusBytes;

  static constexpr unsigned kRowBits = BitsFor(P::kArenaRows - 1);
  static constexpr unsigned kBankBits = BitsFor(P::kBanks - 1);
  static constexpr unsigned kConstantBits = BitsFor(P::kConstantWords);
  static constexpr unsigned kSlotBits = BitsFor(kMostSlots);
  static constexpr unsigned kStripeBits = BitsFor(P::kStripe);
  static constexpr unsigned kSliceBits = BitsFor(kSlices);
};

/// The memories: the arena, a bank per word that it reads at once; the constants, a bank per word of
/// the port; the sums of a block; what the channels of a block become outputs with; a table.
template <typename P>
using ArenaMemory = std::uint64_t[P::kArenaRows][P::kBanks];
template <typename P>
using ConstantMemory = std::uint64_t[P::kConstantWords][Sizes<P>::kPortWords];
template <typename P>
using SumMemory = std::int32_t[P::kStripe][Sizes<P>::kBlock];
template <typename P>
using ChannelMemory = std::int8_t[Sizes<P>::kChannelSlots * P::kPortBytes];
template <typename P>
using TableMemory = std::int8_t[Sizes<P>::kTableSlots * P::kPortBytes];

}  // namespace hwmap
