#pragma once

// The walk of what is read, a process of its own: it runs ahead of the engine and sends a command
// per trip.

#include <cstdint>

#include "hwmap/clock.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/program.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

/// What a trip takes from the constants.
enum class Loading : std::uint8_t { kNothing, kWeights, kChannels, kTable };

/// One trip of a step: what it reads, and what that is for.
template <typename P>
struct ReadCommand {
  // The words of the arena from bank `bank` of `row` on, of which [low, high) lie in the tensor.
  bool reads;
  UInt<Sizes<P>::kRowBits> row;
  UInt<Sizes<P>::kBankBits> bank;
  UInt<Sizes<P>::kBankBits + 1> low;
  UInt<Sizes<P>::kBankBits + 1> high;
  bool swap;      ///< a term begins: the weights that were loaded meanwhile are taken
  bool first;     ///< it is the first of its block
  bool again;     ///< a later pass over the columns
  bool complete;  ///< all columns of the pixel are there
  bool last;      ///< the block is complete behind this trip
  UInt<Sizes<P>::kStripeBits> pixel;
  // Constants: word `slot` of those of a kind, from word `constant` of the memory.
  Loading loading;
  UInt<Sizes<P>::kSlotBits> slot;
  UInt<Sizes<P>::kConstantBits> constant;
};

/// The trips of a step, one after the other.
template <typename P>
class ReadWalk {
 public:
  explicit ReadWalk(const Row& row)
      : row_(row),
        lead_(row.lead),
        loads_(row.weight_words),
        loading_(row.kind == StepKind::kLookup ? Loading::kTable : Loading::kWeights),
        constant_(row.address),
        constants_left_(row.constant_words) {
#pragma HLS INLINE
    BeginImage();
  }

  /// Whether this trip reads.
  bool reads() const { return lead_ == 0 && pixel_ != pixels_; }

  ReadCommand<P> Now(const Numbers<P, P::kMostRows>& pointers) const {
#pragma HLS INLINE
    ReadCommand<P> command = {};
    if (reads()) {
      const bool second = row_.second != 0 && tap_ == 1;
      const bool fixed = second && row_.fixed != 0;
      const std::int32_t index =
          second ? row_.second + (fixed ? 0 : now_.row) : now_.row + kernel_at_;
      const std::uint32_t pointer = NumberAt(pointers, static_cast<std::uint32_t>(index));
      const std::int32_t offset = fixed ? block_at_ : at_ + group_at_ + block_at_ + run_at_ + word_at_;
      SetPlace(pointer, offset, row_.row_words, command);
      command.complete = tap_left_ == 1;
      command.pixel = static_cast<std::uint32_t>(pixel_);
    }
    command.swap = lead_ == 0 && trip_ == 0;
    command.first = first_;
    command.again = run_ != 0;
    command.last = lead_ == 0 && last_term() && trips_left_ == 1;
    command.loading = loads_ != 0 ? loading_ : Loading::kNothing;
    command.slot = static_cast<std::uint32_t>(slot_);
    command.constant = static_cast<std::uint32_t>(constant_);
    return command;
  }

  void Advance() {
#pragma HLS INLINE
    AdvanceLoads();
    if (lead_ != 0) {
      --lead_;
      if (lead_ == 0) BeginTerm(true);
      return;
    }
    if (pixel_ != pixels_) AdvanceColumn();
    ++trip_;
    --trips_left_;
    if (trips_left_ == 0) NextTerm();
  }

  /// The words of the arena at a place; without any in the tensor, word 0 of the memory.
  static void SetPlace(std::uint32_t pointer, std::int32_t offset, std::int32_t row_words,
                       ReadCommand<P>& command) {
#pragma HLS INLINE
    constexpr std::int32_t kBanks = P::kBanks;
    const std::int32_t low = offset < 0 ? -offset : 0;
    const std::int32_t high = row_words - offset < kBanks ? row_words - offset : kBanks;
    const bool inside = pointer != kNowhere && low < kBanks && high > 0;
    const std::int32_t word = inside ? static_cast<std::int32_t>(pointer) + offset + kBanks : 0;
    command.reads = true;
    command.row = static_cast<std::uint32_t>(word) / P::kBanks;
    command.bank = static_cast<std::uint32_t>(word) % P::kBanks;
    command.low = static_cast<std::uint32_t>(inside ? low : 0);
    command.high = static_cast<std::uint32_t>(inside ? high : 0);
  }

 private:
  /// A pixel of the output: the index of its first source row, its columns left, and the word of
  /// its first column.
  struct Pixel {
    std::int32_t row;
    std::int32_t columns_left;
    std::int32_t at;
  };

  bool last_term() const {
    return kernel_ + 1 == row_.kernel_rows && run_ + 1 == row_.runs && word_ + 1 == row_.run_trips;
  }

  void BeginImage() {
#pragma HLS INLINE
    begin_ = {0, row_.columns, row_.origin};
    now_ = begin_;
    pixels_all_left_ = row_.pixels;
    BeginStripe();
    if (lead_ == 0) BeginTerm(true);
  }

  void BeginStripe() {
#pragma HLS INLINE
    pixels_ = pixels_all_left_ < row_.stripe ? pixels_all_left_ : row_.stripe;
    short_ = pixels_ != row_.stripe;
  }

  void BeginTerm(bool first) {
#pragma HLS INLINE
    first_ = first;
    const bool last = last_term();
    const std::int32_t begins = Select(short_, row_.short_first, row_.first);
    const std::int32_t goes_on = Select(short_, row_.short_other, row_.other);
    const std::int32_t ends = Select(short_, row_.short_last, row_.last);
    trips_left_ = Select(last, ends, Select(first, begins, goes_on));
    trip_ = 0;
    pixel_ = 0;
    now_ = begin_;
    at_ = now_.at;
    tap_ = 0;
    tap_left_ = row_.taps;
    // The channels of a block come in its first term, then the weights of the next term.
    loads_ = row_.kind == StepKind::kLookup ? 0 : (first ? row_.channel_words : 0) + row_.weight_words;
    channels_left_ = first ? row_.channel_words : 0;
    loading_ = channels_left_ != 0 ? Loading::kChannels : Loading::kWeights;
    slot_ = 0;
  }

  void AdvanceLoads() {
#pragma HLS INLINE
    if (loads_ == 0) return;
    --loads_;
    ++slot_;
    ++constant_;
    if (channels_left_ != 0) {
      --channels_left_;
      if (channels_left_ == 0) {
        loading_ = Loading::kWeights;
        slot_ = 0;
      }
    }
    --constants_left_;
    if (constants_left_ == 0) {
      constant_ = row_.address;
      constants_left_ = row_.constant_words;
    }
  }

  void AdvanceColumn() {
#pragma HLS INLINE
    --tap_left_;
    ++tap_;
    if (tap_left_ != 0) {
      at_ += row_.column_words;
      return;
    }
    tap_ = 0;
    tap_left_ = row_.fresh;
    at_ += row_.next_words;
    ++pixel_;
    --now_.columns_left;
    now_.at += row_.pixel_words;
    if (now_.columns_left == 0) {
      now_ = {now_.row + row_.stride_rows, row_.columns, row_.origin};
      at_ = row_.origin;
    }
  }

  void NextTerm() {
#pragma HLS INLINE
    const bool last = last_term();
    ++word_;
    word_at_ += P::kSimd / kWordBytes;
    if (word_ == row_.run_trips) {
      word_ = 0;
      word_at_ = 0;
      ++run_;
      run_at_ += row_.run_words;
      if (run_ == row_.runs) {
        run_ = 0;
        run_at_ = 0;
        ++kernel_;
        kernel_at_ += row_.row_step;
        if (kernel_ == row_.kernel_rows) {
          kernel_ = 0;
          kernel_at_ = 0;
        }
      }
    }
    if (last) NextBlock();
    BeginTerm(last);
  }

  void NextBlock() {
#pragma HLS INLINE
    ++block_;
    block_at_ += row_.block_words;
    if (block_ != row_.blocks) return;
    block_ = 0;
    block_at_ = 0;
    ++group_;
    group_at_ += row_.group_words;
    if (group_ != row_.groups) return;
    group_ = 0;
    group_at_ = 0;
    // The next stripe begins where this one has ended.
    begin_ = now_;
    pixels_all_left_ -= pixels_;
    if (pixels_all_left_ == 0) pixels_all_left_ = row_.columns;
    BeginStripe();
  }

  const Row row_;
  // What still comes before the first term; constants that are loaded in this term.
  std::int32_t lead_;
  std::int32_t loads_;
  std::int32_t channels_left_ = 0;
  Loading loading_;
  std::int32_t slot_ = 0;
  std::int32_t constant_;
  std::int32_t constants_left_;
  // The stripe, the term, the pixel.
  Pixel begin_ = {0, 0, 0}, now_ = {0, 0, 0};
  std::int32_t pixels_all_left_ = 0, pixels_ = 0;
  bool short_ = false;
  std::int32_t group_ = 0, group_at_ = 0, block_ = 0, block_at_ = 0;
  std::int32_t kernel_ = 0, kernel_at_ = 0, run_ = 0, run_at_ = 0, word_ = 0, word_at_ = 0;
  bool first_ = true;
  std::int32_t trip_ = 0, trips_left_ = 0;
  std::int32_t pixel_ = 0, tap_ = 0, tap_left_ = 0, at_ = 0;
};

/// Sends the commands of the reads of one step.
template <typename P, typename Words, typename Commands>
void WalkReads(Words& words, Commands& commands, Clock& clock) {
#pragma HLS INLINE
  Numbers<P, P::kMostRows> pointers;
#pragma HLS ARRAY_PARTITION variable = pointers dim = 2 complete
  const Row row = ReadRow<P>(words, clock);
  ReadNumbers<P>(words, row.source_rows, pointers, clock);
  SkipNumbers<P>(words, row.target_rows, clock);
  SkipNumbers<P>(words, 2 * row.segments, clock);
  if (row.kind == StepKind::kLoad || row.kind == StepKind::kReload ||
      row.kind == StepKind::kFetch) {
    return;
  }
  if (row.kind == StepKind::kStore || row.kind == StepKind::kSpill) {
    std::int32_t at = 0;
    std::uint32_t index = 0;
  StoreRead:
    for (std::uint32_t left = row.walk_trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
      clock.Tick();
      ReadCommand<P> command = {};
      ReadWalk<P>::SetPlace(NumberAt(pointers, index), at, row.row_words, command);
      at += Sizes<P>::kBeatWords;
      command.last = at >= row.row_words;
      if (at >= row.row_words) {
        at = 0;
        ++index;
      }
      hwmap::Write(commands, command, clock);
    }
    return;
  }
  ReadWalk<P> walk(row);
ReadTrip:
  for (std::uint32_t left = row.walk_trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
    clock.Tick();
    hwmap::Write(commands, walk.Now(pointers), clock);
    walk.Advance();
  }
}

}  // namespace hwmap
