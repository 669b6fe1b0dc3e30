#include "hwmap/writes.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kRequantLanes = 4;
  static constexpr unsigned kBanks = 2;
  static constexpr unsigned kArenaRows = 200;
};

// Two rows of three pixels in stripes of four, two blocks of 8 channels, of which the last has one
// word: a slice of four results after the other, and a write when a word is whole.
int main() {
  hwmap::Row row = EmptyRow(hwmap::StepKind::kMatrix);
  row.rows = 2;
  row.columns = 3;
  row.pixels = 6;
  row.stripe = 4;
  row.blocks = 2;
  row.slices = row.last_slices = 2;
  row.target_origin = 1;
  row.target_pixel_words = 2;
  row.target_block_words = 1;
  row.target_words = 2;
  hwmap::Numbers<Params, Params::kMostRows> pointers = {};
  SetPointers(pointers, {50, 100});
  hwmap::WriteWalk<Params> walk(row);
  for (int stripe = 0; stripe < 2; ++stripe) {
    const int pixels = stripe == 0 ? 4 : 2;
    for (int block = 0; block < 2; ++block) {
      for (int pixel = 0; pixel < pixels; ++pixel) {
        for (int slice = 0; slice < 2; ++slice, walk.Advance()) {
          const hwmap::WriteCommand<Params> command = walk.Now(pointers);
          const int number = 4 * stripe + pixel;
          const int at = (number < 3 ? 50 : 100) + 1 + 2 * (number % 3) + block;
          CHECK(command.writes == (slice == 1) && command.count == 1);
          CHECK(command.pixel == pixel && command.slice == slice);
          CHECK(command.last == (slice == 1 && pixel + 1 == pixels));
          if (command.writes) CHECK(2 * command.row + command.bank == 2 + at);
        }
      }
    }
  }
}
