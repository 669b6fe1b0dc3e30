#pragma once

// The walk of what is written, a process of its own: a command per trip in which results leave.

#include <cstdint>

#include "hwmap/clock.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/program.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

/// Results that leave in a trip: slice `slice` of the sums of `pixel`; with the last of them, if
/// `writes`, `count` words go to bank `bank` of `row` and behind.
template <typename P>
struct WriteCommand {
  bool writes;
  bool last;  ///< the last of its block
  UInt<Sizes<P>::kRowBits> row;
  UInt<Sizes<P>::kBankBits> bank;
  UInt<Sizes<P>::kBankBits + 1> count;
  UInt<Sizes<P>::kStripeBits> pixel;
  UInt<Sizes<P>::kSliceBits> slice;
};

/// The trips of a step in which results leave, one after the other.
template <typename P>
class WriteWalk {
 public:
  explicit WriteWalk(const Row& row) : row_(row) {
#pragma HLS INLINE
    begin_ = {0, row.columns, row.target_origin};
    now_ = begin_;
    pixels_all_left_ = row.pixels;
    words_left_ = row.target_words;
    BeginStripe();
    BeginBlock();
  }

  WriteCommand<P> Now(const Numbers<P, P::kMostRows>& pointers) const {
#pragma HLS INLINE
    WriteCommand<P> command = {};
    const std::int32_t at = now_.at + group_at_ + block_at_ + slice_at_;
    const std::int32_t left = words_left_ - slice_at_;
    constexpr std::int32_t kWords = Sizes<P>::kResultWords;
    SetPlace(NumberAt(pointers, static_cast<std::uint32_t>(now_.row)), at, left < kWords ? left : kWords, command);
    command.writes = part_ + 1 == Sizes<P>::kParts;
    command.last = slices_left_ == 1 && pixel_ + 1 == pixels_;
    command.pixel = static_cast<std::uint32_t>(pixel_);
    command.slice = static_cast<std::uint32_t>(slice_);
    return command;
  }

  void Advance() {
#pragma HLS INLINE
    ++slice_;
    --slices_left_;
    if (part_ + 1 == Sizes<P>::kParts) {
      part_ = 0;
      slice_at_ += Sizes<P>::kResultWords;
    } else {
      ++part_;
    }
    if (slices_left_ != 0) return;
    BeginPixel();
    ++pixel_;
    --now_.columns_left;
    now_.at += row_.target_pixel_words;
    if (now_.columns_left == 0) now_ = {now_.row + 1, row_.columns, row_.target_origin};
    if (pixel_ == pixels_) NextBlock();
  }

  static void SetPlace(std::uint32_t pointer, std::int32_t at, std::int32_t count,
                       WriteCommand<P>& command) {
#pragma HLS INLINE
    const std::uint32_t word = pointer + static_cast<std::uint32_t>(at) + P::kBanks;
    command.row = word / P::kBanks;
    command.bank = word % P::kBanks;
    command.count = static_cast<std::uint32_t>(count);
  }

 private:
  struct Pixel {
    std::int32_t row;
    std::int32_t columns_left;
    std::int32_t at;
  };

  void BeginStripe() {
#pragma HLS INLINE
    pixels_ = pixels_all_left_ < row_.stripe ? pixels_all_left_ : row_.stripe;
  }

  void BeginBlock() {
#pragma HLS INLINE
    pixel_ = 0;
    now_ = begin_;
    slices_ = block_ + 1 == row_.blocks ? row_.last_slices : row_.slices;
    BeginPixel();
  }

  void BeginPixel() {
#pragma HLS INLINE
    slice_ = 0;
    slice_at_ = 0;
    part_ = 0;
    slices_left_ = slices_;
  }

  void NextBlock() {
#pragma HLS INLINE
    ++block_;
    block_at_ += row_.target_block_words;
    words_left_ -= row_.target_block_words;
    if (block_ == row_.blocks) {
      block_ = 0;
      block_at_ = 0;
      words_left_ = row_.target_words;
      ++group_;
      group_at_ += row_.target_group_words;
      if (group_ == row_.groups) {
        group_ = 0;
        group_at_ = 0;
        begin_ = now_;
        pixels_all_left_ -= pixels_;
        if (pixels_all_left_ == 0) pixels_all_left_ = row_.columns;
        BeginStripe();
      }
    }
    BeginBlock();
  }

  const Row row_;
  Pixel begin_ = {0, 0, 0}, now_ = {0, 0, 0};
  std::int32_t pixels_all_left_ = 0, pixels_ = 0, pixel_ = 0;
  std::int32_t group_ = 0, group_at_ = 0, block_ = 0, block_at_ = 0, words_left_ = 0;
  std::int32_t slices_ = 0, slices_left_ = 0, slice_ = 0, slice_at_ = 0;
  unsigned part_ = 0;
};

/// Sends the commands of the writes of one step.
template <typename P, typename Words, typename Commands>
void WalkWrites(Words& words, Commands& commands, Clock& clock) {
#pragma HLS INLINE
  Numbers<P, P::kMostRows> pointers;
#pragma HLS ARRAY_PARTITION variable = pointers dim = 2 complete
  const Row row = ReadRow<P>(words, clock);
  SkipNumbers<P>(words, row.source_rows, clock);
  ReadNumbers<P>(words, row.target_rows, pointers, clock);
  SkipNumbers<P>(words, 2 * row.segments, clock);
  if (row.kind == StepKind::kStore || row.kind == StepKind::kSpill ||
      row.kind == StepKind::kFetch) {
    return;
  }
  if (row.kind == StepKind::kLoad || row.kind == StepKind::kReload) {
    const std::int32_t most = row.packed_pixels != 0 ? row.packed_pixels : Sizes<P>::kBeatWords;
    std::int32_t at = 0;
    std::uint32_t index = 0;
  LoadWrite:
    for (std::uint32_t left = row.walk_trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
      clock.Tick();
      WriteCommand<P> command = {};
      const std::int32_t words_left = row.row_words - at;
      WriteWalk<P>::SetPlace(NumberAt(pointers, index), at, words_left < most ? words_left : most, command);
      at += most;
      if (at >= row.row_words) {
        at = 0;
        ++index;
      }
      hwmap::Write(commands, command, clock);
    }
    return;
  }
  // Blocks of stripes: the engine says when results leave, this walk only which.
  WriteWalk<P> walk(row);
WriteTrip:
  for (std::uint32_t left = row.write_trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    clock.Tick();
    hwmap::Write(commands, walk.Now(pointers), clock);
    walk.Advance();
  }
}

}  // namespace hwmap
