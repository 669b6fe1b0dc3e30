#pragma once

// The address walk, a process of its own: it runs ahead of the engine and sends a command per trip.

#include <cstdint>

#include "hwmap/clock.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/step.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

/// One trip of a step that computes.
template <typename P>
struct Command {
  // The term: the bytes of the arena from lane `offset` of row `row` on, of which the lanes
  // [low, high) are inside the tensor, and its weights.
  bool has_term;
  bool first;  ///< begins a block
  bool last;   ///< completes it
  UInt<Sizes<P>::kRowBits> row;
  UInt<Sizes<P>::kLaneBits> offset;
  UInt<Sizes<P>::kLaneBits + 1> low;
  UInt<Sizes<P>::kLaneBits + 1> high;
  UInt<Sizes<P>::kWeightBits> weight;
  UInt<Sizes<P>::kSliceBits> slice;
  // The block: where its results go (a byte, counted from row 0), how many channels are left in its
  // group, and where their constants are.
  UInt<Sizes<P>::kTargetBits> target;
  UInt<P::kCountBits> channels_left;
  UInt<Sizes<P>::kChannelBits> channel;
};

/// Counts down, again and again. Whether it stands at its end is a register, not a comparison.
template <unsigned Bits>
class Counter {
 public:
  explicit Counter(std::uint32_t count)
      : restart_(count - 1), left_(count - 1), restart_last_(count == 1), last_(count == 1) {}

  bool last() const { return last_; }

  void Advance() {
#pragma HLS INLINE
    const bool next_last = last_ ? restart_last_ : left_ == 1u;
    if (last_) {
      left_ = restart_;
    } else {
      --left_;
    }
    last_ = next_last;
  }

 private:
  UInt<Bits> restart_;
  UInt<Bits> left_;
  bool restart_last_;
  bool last_;
};

/// Walks output pixels, groups, blocks and the terms of a block's dot product, in this order, by
/// additions only. A block takes `walk.period` trips, of which the first ones have a term.
template <typename P>
class Walker {
 public:
  Walker(StepKind kind, const Walk& walk)
      : second_source_bytes_(walk.second_source_bytes),
        rows_(walk.rows),
        row_bytes_(walk.row_bytes),
        pad_bytes_(walk.pad_bytes),
        stride_rows_(walk.stride_rows),
        stride_row_bytes_(walk.stride_row_bytes),
        stride_bytes_(walk.stride_bytes),
        row_step_(walk.row_step),
        row_step_bytes_(walk.row_step_bytes),
        run_step_bytes_(walk.run_step_bytes),
        group_step_bytes_(walk.group_bytes),
        block_step_bytes_(walk.block_bytes),
        pixel_bytes_(walk.pixel_bytes),
        target_row_bytes_(walk.target_row_bytes),
        group_channels_(walk.group_channels),
        first_weight_(walk.weight_address),
        first_channel_(walk.channel_address),
        drains_(walk.drains),
        is_matrix_(Is<P>(kind, StepKind::kMatrix)),
        is_depthwise_(Is<P>(kind, StepKind::kDepthwise)),
        is_pair_(Is<P>(kind, StepKind::kAdd) || Is<P>(kind, StepKind::kMul)),
        is_scale_(Is<P>(kind, StepKind::kScale)),
        word_(walk.run_words),
        run_(walk.runs),
        kernel_row_(walk.kernel_rows),
        trip_(walk.period),
        block_(walk.blocks),
        group_(walk.groups),
        column_(walk.out_columns),
        window_row_(-walk.pad_rows),
        window_address_(walk.first_row_address),
        next_window_row_(walk.stride_rows - walk.pad_rows),
        next_window_address_(walk.first_row_address + walk.stride_row_bytes),
        tap_row_(-walk.pad_rows),
        tap_address_(walk.first_row_address),
        column_bytes_(-walk.pad_bytes),
        weight_(walk.weight_address),
        channel_(walk.channel_address),
        target_row_(walk.target_address),
        target_pixel_(walk.target_address),
        channels_left_(walk.group_channels) {}

  /// The command of this trip.
  Command<P> Now() const {
#pragma HLS INLINE
    constexpr std::int32_t kLanes = P::kArenaLanes;
    // The second of two terms of kAdd, kMul and kScale is of another tensor; kScale's does not move
    // with the pixel.
    const bool second = run_.last();
    const bool fixed = is_scale_ && second;
    const std::int32_t moved = tap_address_ + Select(is_pair_ && second, second_source_bytes_, 0);
    const std::int32_t begin = Select(fixed, second_source_bytes_, moved);
    const bool inside = tap_row_ >= 0 && tap_row_ < rows_;
    const std::int32_t bytes = Select(fixed || inside, row_bytes_, 0);
    const std::int32_t in_row = Select(fixed, 0, column_bytes_ + group_bytes_ + run_bytes_);
    const std::int32_t at = in_row + block_bytes_ + word_bytes_;
    const std::int32_t low = Within<kLanes>(-at);
    const std::int32_t high = Within<kLanes>(bytes - at);
    // Row 0 is a row before the first byte: an unaligned access may begin there.
    const std::uint32_t from = low < high ? static_cast<std::uint32_t>(begin + at + kLanes) : 0;
    const std::int32_t target = target_pixel_ + target_group_ + target_block_ + kLanes;
    Command<P> command;
    command.has_term = has_term_;
    command.first = first_;
    command.last = trip_.last();
    command.row = from / P::kArenaLanes;
    command.offset = from % P::kArenaLanes;
    command.low = low;
    command.high = high;
    command.weight = weight_;
    command.slice = slice_;
    command.target = target;
    command.channels_left = static_cast<std::uint32_t>(channels_left_);
    command.channel = channel_;
    return command;
  }

  /// To the next trip.
  void Advance() {
#pragma HLS INLINE
    const bool word_ends = has_term_ && word_.last();
    const bool run_ends = word_ends && run_.last();
    const bool terms_end = run_ends && kernel_row_.last();
    const bool block_ends = trip_.last();
    const bool group_ends = block_ends && block_.last();
    const bool pixel_ends = group_ends && group_.last();
    const bool line_ends = pixel_ends && column_.last();

    // The term.
    if (has_term_) {
      word_.Advance();
      word_bytes_ = Select(word_ends, 0, word_bytes_ + kSimd);
    }
    if (word_ends) {
      run_.Advance();
      run_bytes_ = Select(run_ends, 0, run_bytes_ + run_step_bytes_);
    }
    if (run_ends) kernel_row_.Advance();
    if (block_ends) {
      tap_row_ = Select(line_ends, next_window_row_, window_row_);
      tap_address_ = Select(line_ends, next_window_address_, window_address_);
    } else if (run_ends) {
      tap_row_ = tap_row_ + row_step_;
      tap_address_ = tap_address_ + row_step_bytes_;
    }
    NextWeight(pixel_ends);
    has_term_ = block_ends || (has_term_ && !terms_end);
    first_ = block_ends;

    // The block, the group, the pixel and the row of pixels.
    trip_.Advance();
    if (block_ends) {
      block_.Advance();
      block_bytes_ = Select(group_ends, 0, block_bytes_ + block_step_bytes_);
      const std::int32_t lanes = is_matrix_ ? kPe : kVectorLanes;
      target_block_ = Select(group_ends, 0, target_block_ + lanes);
      channels_left_ = Select(group_ends, group_channels_, channels_left_ - lanes);
      const std::int32_t used = Select(is_matrix_ || is_depthwise_, drains_, 0);
      channel_ = Select(pixel_ends, first_channel_, channel_ + used);
    }
    if (group_ends) {
      group_.Advance();
      group_bytes_ = Select(pixel_ends, 0, group_bytes_ + group_step_bytes_);
      target_group_ = Select(pixel_ends, 0, target_group_ + group_channels_);
    }
    if (pixel_ends) {
      column_.Advance();
      const std::int32_t start = target_row_ + target_row_bytes_;
      target_pixel_ = Select(line_ends, start, target_pixel_ + pixel_bytes_);
      column_bytes_ = Select(line_ends, -pad_bytes_, column_bytes_ + stride_bytes_);
      if (line_ends) target_row_ = start;
    }
    if (line_ends) {
      window_row_ = next_window_row_;
      window_address_ = next_window_address_;
      next_window_row_ = next_window_row_ + stride_rows_;
      next_window_address_ = next_window_address_ + stride_row_bytes_;
    }
  }

 private:
  static constexpr std::int32_t kPe = P::kPe;
  static constexpr std::int32_t kSimd = P::kSimd;
  static constexpr std::int32_t kVectorLanes = P::kVectorLanes;
  using Count = Counter<P::kCountBits>;
  using Address = SInt<P::kAddressBits>;

  /// `lane`, or the nearest number from 0 to `Lanes`.
  template <std::int32_t Lanes>
  static std::int32_t Within(std::int32_t lane) {
#pragma HLS INLINE
    return lane < 0 ? 0 : (lane > Lanes ? Lanes : lane);
  }

  void NextWeight(bool pixel_ends) {
#pragma HLS INLINE
    const bool slices_end = slice_ == Sizes<P>::kSlices - 1;
    if (pixel_ends) {
      weight_ = first_weight_;
      slice_ = 0;
    } else if (has_term_ && is_matrix_) {
      ++weight_;
    } else if (has_term_ && is_depthwise_) {
      slice_ = Select(slices_end, 0, slice_ + 1);
      if (slices_end) ++weight_;
    }
  }

  // Of the step, as wide as the registers that they are added to.
  const Address second_source_bytes_, rows_, row_bytes_, pad_bytes_;
  const Address stride_rows_, stride_row_bytes_, stride_bytes_, row_step_, row_step_bytes_;
  const Address run_step_bytes_, group_step_bytes_, block_step_bytes_;
  const Address pixel_bytes_, target_row_bytes_, group_channels_;
  const UInt<Sizes<P>::kWeightBits> first_weight_;
  const UInt<Sizes<P>::kChannelBits> first_channel_;
  const UInt<P::kCountBits> drains_;
  const bool is_matrix_, is_depthwise_, is_pair_, is_scale_;
  Count word_, run_, kernel_row_, trip_, block_, group_, column_;
  bool has_term_ = true, first_ = true;
  // The window, where the one below it begins, and the row of it that is read.
  Address window_row_, window_address_, next_window_row_, next_window_address_;
  Address tap_row_, tap_address_;
  Address column_bytes_, group_bytes_ = 0, block_bytes_ = 0, run_bytes_ = 0, word_bytes_ = 0;
  UInt<Sizes<P>::kWeightBits> weight_;
  UInt<Sizes<P>::kSliceBits> slice_ = 0;
  UInt<Sizes<P>::kChannelBits> channel_;
  Address target_row_, target_pixel_, target_group_ = 0, target_block_ = 0, channels_left_;
};

/// Sends the commands of all steps of one image.
template <typename P, typename Commands>
void WalkImage(const Step (&steps)[P::kSteps], Commands& commands, Clock& clock) {
#pragma HLS INLINE
WalkStep:
  for (unsigned i = 0; i < P::kSteps; ++i) {
    const StepKind kind = steps[i].kind;
    const Walk walk = steps[i].walk;
    clock.Skip(P::kWalkOverheadCycles);
    Walker<P> walker(kind, walk);
  WalkTrip:
    for (UInt<P::kTripBits> left = walk.walk_trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = P::kMostTrips
      clock.Tick();
      hwmap::Write(commands, walker.Now(), clock);
      walker.Advance();
    }
  }
}

}  // namespace hwmap
