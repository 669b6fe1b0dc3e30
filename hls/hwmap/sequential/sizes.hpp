#pragma once

// Sizes that follow from those of a design.

#include <cstdint>

#include "hwmap/channel.hpp"
#include "hwmap/integer.hpp"

namespace hwmap {

template <typename P>
struct Sizes {
  static_assert((P::kPe & (P::kPe - 1)) == 0 && (P::kSimd & (P::kSimd - 1)) == 0,
                "Sizes: PE and SIMD must be powers of two.");
  static_assert(P::kPe % P::kRequantLanes == 0 && P::kVectorLanes % P::kRequantLanes == 0,
                "Sizes: requantizer lanes must divide PE and the vector lanes.");
  static_assert(P::kPe * P::kSimd % P::kVectorLanes == 0,
                "Sizes: a weight word must hold whole slices for the vector lanes.");
  static_assert((P::kArenaLanes & (P::kArenaLanes - 1)) == 0,
                "Sizes: the lanes of the arena must be a power of two.");

  /// Weights for the vector lanes in a weight word.
  static constexpr unsigned kSlices = P::kPe * P::kSimd / P::kVectorLanes;
  /// Sums that are computed together.
  static constexpr unsigned kBlock = P::kPe > P::kVectorLanes ? P::kPe : P::kVectorLanes;
  /// Bus words in a word of the constant memories.
  static constexpr unsigned kWeightParts = P::kPe * P::kSimd / P::kBusBytes;
  static constexpr unsigned kChannelParts = kChannelBytes * P::kRequantLanes / P::kBusBytes;

  static constexpr unsigned kRowBits = BitsFor(P::kArenaRows - 1);
  static constexpr unsigned kLaneBits = BitsFor(P::kArenaLanes - 1);
  static constexpr unsigned kTargetBits = BitsFor(P::kArenaRows * P::kArenaLanes);
  static constexpr unsigned kWeightBits = BitsFor(P::kWeightWords);
  static constexpr unsigned kSliceBits = BitsFor(kSlices - 1);
  static constexpr unsigned kChannelBits = BitsFor(P::kChannelWords);
};

/// The memories of the engine: the arena, a lane each; the constants, by bus words; the tables, a
/// copy per result.
template <typename P>
using ArenaMemory = std::int8_t[P::kArenaRows][P::kArenaLanes];
template <typename P>
using WeightMemory = std::int8_t[P::kWeightWords][Sizes<P>::kWeightParts][P::kBusBytes];
template <typename P>
using ChannelMemory = std::int8_t[P::kChannelWords][Sizes<P>::kChannelParts][P::kBusBytes];
template <typename P>
using TableMemory = std::int8_t[P::kTables][256];

}  // namespace hwmap
