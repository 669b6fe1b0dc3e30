#pragma once

// Windows that slide over a tensor as it arrives: where in the row memory a trip finds what it
// needs. The row memory holds the words of the input one behind the other, modulo its size.

#include <cstdint>

#include "hwmap/count.hpp"
#include "hwmap/fifo.hpp"
#include "hwmap/integer.hpp"

namespace hwmap {

/// Where a trip is: in its windows, and in the row memory.
template <typename P>
struct Place {
  bool begins;  ///< the first trip of a pass over a window
  bool ends;    ///< the last one
  std::uint32_t address[P::kTapRows * P::kBanks];
  std::uint32_t bank;  ///< where the first column of taps lies
  bool inside[P::kPixels * P::kTapRows * P::kTaps];  ///< not in the padding
};

/// The loops: output rows, groups of output pixels, passes, and rows and columns of taps and words
/// of a pass.
template <typename P>
class Window {
 public:
  Place<P> Here() const {
#pragma HLS INLINE
    Place<P> place;
    place.begins = word_.at() == 0 && tap_column_.at() == 0 && tap_row_.at() == 0;
    place.ends = word_.last() && tap_column_.last() && tap_row_.last();
    // Columns from the pixel 0 of the word at the corner.
    const std::uint32_t column = static_cast<std::uint32_t>(bank_) + tap_left_.at();
    place.bank = column;
    std::uint32_t words = 0;
  Wrap:
    for (unsigned i = 1; i <= (P::kBanks - 1 + kMostLeft) / P::kBanks; ++i) {
#pragma HLS UNROLL
      if (column >= i * P::kBanks) {
        place.bank = column - i * P::kBanks;
        words = i;
      }
    }
    const std::uint32_t row = tap_words_.at() + group_words_.at() + word_.at();
  Bank:
    for (unsigned bank = 0; bank < P::kBanks; ++bank) {
#pragma HLS UNROLL
      std::uint32_t offset = row;
    Across:
      for (unsigned i = 1; i <= kMostWords; ++i) {
#pragma HLS UNROLL
        const bool farther = words + (bank < place.bank ? 1 : 0) >= i;
        offset += farther ? P::kPixelWords : 0;
      }
    Copy:
      for (unsigned down = 0; down < P::kTapRows; ++down) {
#pragma HLS UNROLL
        const std::uint32_t sum = static_cast<std::uint32_t>(base_) + offset + down * kRowStep;
        place.address[down * P::kBanks + bank] =
            sum >= P::kMemoryWords ? sum - P::kMemoryWords : sum;
      }
    }
  Pixel:
    for (unsigned i = 0; i < P::kPixels; ++i) {
#pragma HLS UNROLL
    Tap:
      for (unsigned tap = 0; tap < P::kTapRows * P::kTaps; ++tap) {
#pragma HLS UNROLL
        const std::uint32_t under = tap_top_.at() + tap / P::kTaps * P::kDilateRows;
        const std::int32_t y = top_ + static_cast<std::int32_t>(under);
        const std::uint32_t there =
            tap_left_.at() + i * P::kStrideColumns + tap % P::kTaps * P::kDilateColumns;
        const std::int32_t x = left_ + static_cast<std::int32_t>(there);
        place.inside[i * P::kTapRows * P::kTaps + tap] =
            y >= 0 && y < kHeight && x >= 0 && x < kWidth;
      }
    }
    return place;
  }

  void Next() {
#pragma HLS INLINE
    const bool words_end = word_.last();
    const bool columns_end = words_end && tap_column_.last();
    const bool rows_end = columns_end && tap_row_.last();
    const bool passes_end = rows_end && pass_.last();
    const bool pixels_end = passes_end && group_.last();
    const bool across_end = pixels_end && across_.last();
    if (pixels_end) {
      const std::uint32_t bank = static_cast<std::uint32_t>(bank_);
      const bool carries = kBankStep != 0 && bank + kBankStep >= P::kBanks;
      const std::uint32_t along = carries ? P::kStepCarried : P::kStep;
      const std::uint32_t down = across_.last() && rows_.last() ? P::kStepImage : P::kStepRow;
      const std::uint32_t step = across_.last() ? down : along;
      const std::uint32_t base = static_cast<std::uint32_t>(base_);
      const std::uint32_t sum = base + step;
      base_ = sum >= P::kMemoryWords ? sum - P::kMemoryWords : sum;
      const std::uint32_t moved = carries ? bank + kBankStep - P::kBanks : bank + kBankStep;
      bank_ = across_.last() ? P::kFirstBank : moved;
      left_ = across_.last() ? -kPadColumns : left_ + kAlong;
      across_.Next();
    }
    if (across_end) {
      top_ = rows_.last() ? -kPadRows : top_ + kDown;
      rows_.Next();
    }
    if (passes_end) {
      group_words_.Next(group_.last());
      group_.Next();
    }
    if (rows_end) pass_.Next();
    if (columns_end) {
      tap_words_.Next(tap_row_.last());
      tap_top_.Next(tap_row_.last());
      tap_row_.Next();
    }
    if (words_end) {
      tap_left_.Next(tap_column_.last());
      tap_column_.Next();
    }
    word_.Next();
  }

  /// The output row, and the group of output pixels in it.
  std::uint32_t row() const { return rows_.at(); }
  std::uint32_t across() const { return across_.at(); }

 private:
  static constexpr std::int32_t kHeight = P::kHeight;
  static constexpr std::int32_t kWidth = P::kWidth;
  static constexpr std::int32_t kPadRows = P::kPadRows;
  static constexpr std::int32_t kPadColumns = P::kPadColumns;
  static constexpr std::int32_t kAlong = P::kPixels * P::kStrideColumns;
  static constexpr std::int32_t kDown = P::kStrideRows;
  static constexpr unsigned kBankStep = (P::kPixels * P::kStrideColumns) % P::kBanks;
  static constexpr unsigned kTapStep = P::kTaps * P::kDilateColumns;
  static constexpr unsigned kMostLeft = (P::kTapColumns - 1) * kTapStep;
  static constexpr unsigned kMostWords = (P::kBanks - 1 + kMostLeft) / P::kBanks + (P::kBanks > 1);
  static constexpr unsigned kGroups = P::kPasses / P::kPassesPerGroup;
  static constexpr unsigned kRowStep = P::kDilateRows * P::kRowWords;
  static constexpr unsigned kMostTop = (P::kKernelRows - 1) * P::kDilateRows;

  Count<P::kGroupWords> word_;
  Count<P::kTapColumns> tap_column_;
  Count<P::kKernelRows> tap_row_;
  Count<P::kPassesPerGroup> pass_;
  Count<kGroups> group_;
  Count<P::kAcross> across_;
  Count<P::kRowsOut> rows_;
  Offset<kTapStep, kMostLeft> tap_left_;
  Offset<P::kDilateRows, kMostTop> tap_top_;
  Offset<kRowStep, kMostTop * P::kRowWords> tap_words_;
  Offset<P::kGroupWords, (kGroups - 1) * P::kGroupWords> group_words_;
  UInt<BitsFor(P::kMemoryWords - 1)> base_ = P::kFirstWord;
  UInt<BitsFor(P::kBanks - 1)> bank_ = P::kFirstBank;
  std::int32_t left_ = -kPadColumns;
  std::int32_t top_ = -kPadRows;
};

/// Where the words of the input go, one behind the other.
template <typename P>
using Arrival = Count<P::kMemoryWords>;

/// The lane `lane` of a column, where the bank `first` has column 0: turned by By, By / 2 ... 1 banks,
/// a selection of two each.
template <unsigned By>
struct Turn {
  template <unsigned Banks, unsigned Lanes>
  static std::int8_t At(const std::int8_t (&read)[Banks][Lanes], std::uint32_t first,
                        unsigned column, unsigned lane) {
#pragma HLS INLINE
    const std::int8_t turned = Turn<By / 2>::At(read, first, column + By, lane);
    const std::int8_t straight = Turn<By / 2>::At(read, first, column, lane);
    return (first & By) != 0 ? turned : straight;
  }
};

template <>
struct Turn<0> {
  template <unsigned Banks, unsigned Lanes>
  static std::int8_t At(const std::int8_t (&read)[Banks][Lanes], std::uint32_t, unsigned column,
                        unsigned lane) {
#pragma HLS INLINE
    return read[column % Banks][lane];
  }
};

/// Reads the words of a trip: for each pixel and tap, all lanes; padding holds `outside`. Each row of
/// taps has a copy of the row memory.
template <typename P>
void ReadWindow(const std::int8_t (&memory)[P::kTapRows * P::kBanks][P::kMemoryWords][P::kLanes],
                const Place<P>& place, std::int8_t outside,
                std::int8_t (&values)[P::kPixels * P::kTapRows * P::kTaps * P::kLanes]) {
#pragma HLS INLINE
  constexpr unsigned kMostTurn = P::kBanks == 1 ? 0 : 1u << (BitsFor(P::kBanks - 1) - 1);
  std::int8_t read[P::kTapRows][P::kBanks][P::kLanes];
#pragma HLS ARRAY_PARTITION variable = read complete dim = 0
ReadBank:
  for (unsigned bank = 0; bank < P::kTapRows * P::kBanks; ++bank) {
#pragma HLS UNROLL
  ReadLane:
    for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
      read[bank / P::kBanks][bank % P::kBanks][lane] = memory[bank][place.address[bank]][lane];
    }
  }
Pixel:
  for (unsigned i = 0; i < P::kPixels; ++i) {
#pragma HLS UNROLL
  Tap:
    for (unsigned tap = 0; tap < P::kTapRows * P::kTaps; ++tap) {
#pragma HLS UNROLL
      const unsigned column = i * P::kStrideColumns + tap % P::kTaps * P::kDilateColumns;
      const unsigned at = i * P::kTapRows * P::kTaps + tap;
    Lane:
      for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
        const std::int8_t value =
            Turn<kMostTurn>::At(read[tap / P::kTaps], place.bank, column, lane);
        values[at * P::kLanes + lane] = place.inside[at] ? value : outside;
      }
    }
  }
}

/// Stores a word that arrives, in every copy.
template <typename P>
void StoreWord(const Bytes<P::kBanks * P::kLanes>& word, std::uint32_t address,
               std::int8_t (&memory)[P::kTapRows * P::kBanks][P::kMemoryWords][P::kLanes]) {
#pragma HLS INLINE
StoreBank:
  for (unsigned bank = 0; bank < P::kTapRows * P::kBanks; ++bank) {
#pragma HLS UNROLL
  StoreLane:
    for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
      memory[bank][address][lane] = word.at[bank % P::kBanks * P::kLanes + lane];
    }
  }
}

/// Takes the next word of the input, and stores it.
template <typename P, typename Input>
void TakeWord(Input& input, Arrival<P>& arrival,
              std::int8_t (&memory)[P::kTapRows * P::kBanks][P::kMemoryWords][P::kLanes],
              Clock& clock) {
#pragma HLS INLINE
  const Bytes<P::kBanks * P::kLanes> word = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = word
  StoreWord<P>(word, arrival.at(), memory);
  arrival.Next();
}

}  // namespace hwmap
