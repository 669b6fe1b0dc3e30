#pragma once

// The arena: the one memory that holds all activations.

#include <cstdint>

#include "hwmap/stream.hpp"

namespace hwmap {

/// `Rows` rows of `Lanes` bytes, addressed by the byte.
///
/// Each lane is a memory of its own with its own address, so that `Lanes` bytes can be read from any
/// byte address, and up to `Lanes` written to any other, every cycle. Address 0 is the first byte of
/// row 1: an unaligned access may reach one row beyond either end.
template <unsigned Rows, unsigned Lanes>
class Arena {
  static_assert(Rows >= 3, "Arena: needs a row for data and one beyond either end.");
  static_assert((Lanes & (Lanes - 1)) == 0, "Arena: Lanes must be a power of two.");

 public:
  Arena() {
#pragma HLS ARRAY_PARTITION variable = bytes_ dim = 2 complete
  }

  /// The bytes from `address` on; those outside [begin, end) read as `outside`.
  Bytes<Lanes> Read(std::int32_t address, std::int32_t begin, std::int32_t end,
                    std::int8_t outside) const {
#pragma HLS INLINE
// A step never writes where it reads: the plan's checker has shown it.
#pragma HLS DEPENDENCE variable = bytes_ type = inter dependent = false
    const bool touches = begin < end && address < end && address + kLanes > begin;
    const std::uint32_t first = touches ? static_cast<std::uint32_t>(address + kLanes) : 0;
    const std::uint32_t row = first / Lanes;
    const std::uint32_t offset = first % Lanes;
    std::int8_t lane[Lanes];
#pragma HLS ARRAY_PARTITION variable = lane complete
  ReadLane:
    for (unsigned i = 0; i < Lanes; ++i) {
#pragma HLS UNROLL
      lane[i] = bytes_[row + (i < offset ? 1 : 0)][i];
    }
    Bytes<Lanes> word;
  Rotate:
    for (unsigned i = 0; i < Lanes; ++i) {
#pragma HLS UNROLL
      const std::int32_t at = address + static_cast<std::int32_t>(i);
      word.at[i] = at >= begin && at < end ? lane[(i + offset) % Lanes] : outside;
    }
    return word;
  }

  /// Writes the first `count` bytes of `word` from `address` on.
  template <unsigned N>
  void Write(std::int32_t address, const Bytes<N>& word, unsigned count) {
#pragma HLS INLINE
#pragma HLS DEPENDENCE variable = bytes_ type = inter dependent = false
    static_assert(N <= Lanes, "Arena: a word that is written has at most Lanes bytes.");
    const std::uint32_t first = static_cast<std::uint32_t>(address + kLanes);
    const std::uint32_t row = first / Lanes;
    const std::uint32_t offset = first % Lanes;
  WriteLane:
    for (unsigned i = 0; i < Lanes; ++i) {
#pragma HLS UNROLL
      const unsigned source = (i + Lanes - offset) % Lanes;
      if (source < N && source < count) {
        bytes_[row + (i < offset ? 1 : 0)][i] = word.at[source % N];
      }
    }
  }

 private:
  static constexpr std::int32_t kLanes = Lanes;
  std::int8_t bytes_[Rows][Lanes];
};

}  // namespace hwmap
