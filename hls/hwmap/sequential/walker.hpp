#pragma once

// The address walk of a step: which bytes each trip reads, and where each block's results go.

#include <cstdint>

#include "hwmap/step.hpp"

namespace hwmap {

/// Walks output pixels, groups, blocks and the terms of a block's dot product, in this order, by
/// additions only. A block takes `step.period` trips, of which the first ones have a term.
template <typename P>
class Walker {
 public:
  explicit Walker(const Step& step)
      : step_(step),
        lanes_(step.kind == StepKind::kMatrix ? P::kPe : P::kVectorLanes),
        has_channels_(step.kind == StepKind::kMatrix || step.kind == StepKind::kDepthwise),
        window_row_(-step.pad_rows),
        window_address_(step.first_row_address),
        column_bytes_(-step.pad_bytes),
        weight_address_(step.weight_address),
        channel_address_(step.channel_address),
        row_target_(step.target_address),
        pixel_address_(step.target_address) {
    StartBlock();
  }

  /// All blocks are walked; only results are left to drain.
  bool Done() const { return row_ == step_.out_rows; }
  bool HasTerm() const { return has_term_; }
  bool IsFirstTerm() const { return trip_ == 0; }
  bool IsLastTrip() const { return trip_ + 1 == step_.period; }

  /// First byte of this trip's term; bytes outside [RowBegin, RowEnd) are padding.
  std::int32_t Address() const {
    const std::int32_t offset = IsPerChannel() ? 0 : column_bytes_ + group_bytes_ + run_bytes_;
    return RowBegin() + offset + block_bytes_ + word_bytes_;
  }
  std::int32_t RowBegin() const {
    if (IsPerChannel()) return step_.second_source_bytes;
    const bool pair = step_.kind == StepKind::kAdd || step_.kind == StepKind::kMul;
    return row_address_ + (pair && run_ != 0 ? step_.second_source_bytes : 0);
  }
  std::int32_t RowEnd() const {
    const bool inside = tap_row_ >= 0 && tap_row_ < step_.rows;
    return RowBegin() + (inside ? step_.row_bytes : 0);
  }
  /// The weights of this term: a word, and the slice of it for the vector lanes.
  std::uint32_t weight_address() const { return weight_address_; }
  std::uint32_t weight_slice() const { return weight_slice_; }

  /// Where this block's results go, how many channels of its group are left, and their constants.
  std::int32_t TargetAddress() const { return pixel_address_ + group_target_ + block_target_; }
  std::int32_t channels_left() const { return channels_left_; }
  std::uint32_t channel_address() const { return channel_address_; }

  /// To the next trip.
  void Advance() {
#pragma HLS INLINE
    if (has_term_) {
      NextWeight();
      NextTerm();
    }
    if (!IsLastTrip()) {
      ++trip_;
      return;
    }
    NextBlock();
    StartBlock();
  }

 private:
  static constexpr unsigned kSlices = P::kPe * P::kSimd / P::kVectorLanes;

  /// Whether this term is one of kScale's values per channel, which do not move with the pixel.
  bool IsPerChannel() const { return step_.kind == StepKind::kScale && run_ != 0; }

  void StartBlock() {
#pragma HLS INLINE
    trip_ = 0;
    has_term_ = true;
    word_ = 0;
    word_bytes_ = 0;
    run_ = 0;
    run_bytes_ = 0;
    kernel_row_ = 0;
    tap_row_ = window_row_;
    row_address_ = window_address_;
  }

  void NextWeight() {
#pragma HLS INLINE
    if (step_.kind == StepKind::kMatrix) {
      ++weight_address_;
    } else if (step_.kind == StepKind::kDepthwise && ++weight_slice_ == kSlices) {
      weight_slice_ = 0;
      ++weight_address_;
    }
  }

  void NextTerm() {
#pragma HLS INLINE
    word_bytes_ += P::kSimd;
    if (++word_ < step_.run_words) return;
    word_ = 0;
    word_bytes_ = 0;
    run_bytes_ += step_.run_step_bytes;
    if (++run_ < step_.runs) return;
    run_ = 0;
    run_bytes_ = 0;
    tap_row_ += step_.row_step;
    row_address_ += step_.row_step_bytes;
    has_term_ = ++kernel_row_ < step_.kernel_rows;
  }

  void NextBlock() {
#pragma HLS INLINE
    if (has_channels_) channel_address_ += step_.drains;
    block_bytes_ += step_.block_bytes;
    block_target_ += lanes_;
    channels_left_ -= lanes_;
    if (++block_ < step_.blocks) return;
    block_ = 0;
    block_bytes_ = 0;
    block_target_ = 0;
    channels_left_ = step_.group_channels;
    group_bytes_ += step_.group_bytes;
    group_target_ += step_.group_channels;
    if (++group_ < step_.groups) return;
    group_ = 0;
    group_bytes_ = 0;
    group_target_ = 0;
    weight_address_ = step_.weight_address;
    weight_slice_ = 0;
    channel_address_ = step_.channel_address;
    pixel_address_ += step_.pixel_bytes;
    column_bytes_ += step_.stride_bytes;
    if (++column_ < step_.out_columns) return;
    column_ = 0;
    column_bytes_ = -step_.pad_bytes;
    row_target_ += step_.target_row_bytes;
    pixel_address_ = row_target_;
    window_row_ += step_.stride_rows;
    window_address_ += step_.stride_row_bytes;
    ++row_;
  }

  const Step& step_;
  const std::int32_t lanes_;
  const bool has_channels_;
  std::uint32_t row_ = 0, column_ = 0, group_ = 0, block_ = 0;
  std::uint32_t trip_ = 0, kernel_row_ = 0, run_ = 0, word_ = 0;
  bool has_term_ = true;
  std::int32_t window_row_, window_address_, column_bytes_;
  std::int32_t tap_row_ = 0, row_address_ = 0, run_bytes_ = 0, word_bytes_ = 0;
  std::int32_t group_bytes_ = 0, block_bytes_ = 0;
  std::uint32_t weight_address_, weight_slice_ = 0, channel_address_;
  std::int32_t row_target_, pixel_address_, group_target_ = 0, block_target_ = 0;
  std::int32_t channels_left_ = step_.group_channels;
};

}  // namespace hwmap
