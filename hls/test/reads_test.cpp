#include "hwmap/reads.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kSimd = 16;
  static constexpr unsigned kBanks = 2;
  static constexpr unsigned kArenaRows = 200;
};

using Command = hwmap::ReadCommand<Params>;

// A 2 x 2 convolution with a pad at the left on 2 x 3 pixels of a word, to 2 x 3 pixels in stripes of
// 4 and 2: two blocks, and a term for each of the kernel's rows; the last row lies in the padding.
void AConvolutionKeepsItsWeightsForAStripe() {
  hwmap::Row row = EmptyRow(hwmap::StepKind::kMatrix);
  row.rows = 2;
  row.columns = 3;
  row.pixels = 6;
  row.stripe = 4;
  row.blocks = 2;
  row.kernel_rows = 2;
  row.lead = row.weight_words = 3;
  row.channel_words = 2;
  row.constant_words = 2 * (2 * 3 + 2);
  row.address = 1;
  row.first = 5, row.last = 6, row.short_first = 5, row.short_last = 4;
  row.origin = -1;
  row.pixel_words = row.column_words = row.next_words = 1;
  row.row_words = 3;
  row.stride_rows = row.row_step = 1;
  hwmap::Numbers<Params, Params::kMostRows> pointers = {};
  SetPointers(pointers, {20, 40, hwmap::kNowhere});
  hwmap::ReadWalk<Params> walk(row);
  int constant = 0;
  for (int trip = 0; trip < 3; ++trip, ++constant, walk.Advance()) {
    const Command command = walk.Now(pointers);
    CHECK(!command.reads && !command.swap && command.loading == hwmap::Loading::kWeights);
    CHECK(command.slot == trip && command.constant == 1 + constant);
  }
  for (int stripe = 0; stripe < 2; ++stripe) {
    const int pixels = stripe == 0 ? 4 : 2;
    for (int block = 0; block < 2; ++block) {
      for (int term = 0; term < 2; ++term) {
        const int trips = term == 0 ? 5 : pixels + 2;
        for (int trip = 0; trip < trips; ++trip, walk.Advance()) {
          const Command command = walk.Now(pointers);
          CHECK(command.reads == (trip < pixels) && command.swap == (trip == 0));
          CHECK(command.first == (term == 0));
          CHECK(command.last == (term == 1 && trip + 1 == trips));
          if (command.reads) {
            const int pixel = 4 * stripe + trip;
            const int column = pixel % 3 - 1, source = pixel / 3 + term;
            CHECK(command.complete && command.pixel == trip);
            CHECK(command.low == (column < 0 && source < 2 ? 1 : 0));
            CHECK(command.high == (source > 1 ? 0 : column > 1 ? 1 : 2));
            const int at = 2 + (source == 0 ? 20 : 40) + column;
            if (source < 2) CHECK(2 * command.row + command.bank == at);
          }
          const int loads = term == 0 ? 5 : 3;
          CHECK((command.loading != hwmap::Loading::kNothing) == (trip < loads));
          if (trip < loads) {
            const bool channel = term == 0 && trip < 2;
            CHECK(command.loading ==
                  (channel ? hwmap::Loading::kChannels : hwmap::Loading::kWeights));
            CHECK(command.slot == (channel || term != 0 ? trip : trip - 2));
            CHECK(command.constant == 1 + constant++ % 16);
          }
        }
      }
    }
  }
}

// Three columns that slide by one: three reads for the first pixel of a row, one for the next.
void LanesSlideAlongARow() {
  hwmap::Row row = EmptyRow(hwmap::StepKind::kLargest);
  row.columns = row.pixels = row.stripe = 2;
  row.taps = 3;
  row.pixel_words = row.column_words = row.next_words = 1;
  row.first = row.last = row.short_last = 7;
  row.row_words = 4;
  hwmap::Numbers<Params, Params::kMostRows> pointers = {};
  SetPointers(pointers, {10});
  hwmap::ReadWalk<Params> walk(row);
  const bool complete[] = {false, false, true, true};
  for (int trip = 0; trip < 7; ++trip, walk.Advance()) {
    const Command command = walk.Now(pointers);
    CHECK(command.reads == (trip < 4) && command.last == (trip == 6));
    if (command.reads) {
      CHECK(2 * command.row + command.bank == 2 + 10 + trip);
      CHECK(command.complete == complete[trip] && command.pixel == (trip < 3 ? 0 : 1));
    }
  }
}

// Two sources in turn; the second has one pixel.
void TwoSourcesAreReadInTurn() {
  hwmap::Row row = EmptyRow(hwmap::StepKind::kProduct);
  row.columns = row.pixels = row.stripe = 2;
  row.taps = row.fresh = 2;
  row.pixel_words = row.next_words = 1;
  row.second = row.fixed = 1;
  row.last = row.short_last = 4;
  row.row_words = 2;
  hwmap::Numbers<Params, Params::kMostRows> pointers = {};
  SetPointers(pointers, {10, 30});
  hwmap::ReadWalk<Params> walk(row);
  for (const int expected : {10, 30, 11, 30}) {
    const Command command = walk.Now(pointers);
    CHECK(2 * command.row + command.bank == 2 + expected);
    walk.Advance();
  }
}

int main() {
  AConvolutionKeepsItsWeightsForAStripe();
  LanesSlideAlongARow();
  TwoSourcesAreReadInTurn();
}
