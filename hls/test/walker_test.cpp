#include "hwmap/walker.hpp"

#include "check.hpp"

struct Params {
  static constexpr unsigned kPe = 2;
  static constexpr unsigned kSimd = 4;
  static constexpr unsigned kVectorLanes = 2;
};

// A 2 x 2 convolution, pads 1 at the top and left, on 3 x 3 pixels of 3 channels at address 100, to
// 2 x 2 pixels of 3 channels: two blocks of PE = 2, rows of 6 bytes are two words of SIMD = 4.
hwmap::Step Convolution() {
  hwmap::Step step = {};
  step.kind = hwmap::StepKind::kMatrix;
  step.rows = 3;
  step.row_bytes = 9;
  step.pad_rows = 1;
  step.pad_bytes = 3;
  step.first_row_address = 100 - 9;
  step.stride_rows = 2;
  step.stride_row_bytes = 18;
  step.stride_bytes = 6;
  step.row_step = 1;
  step.row_step_bytes = 9;
  step.kernel_rows = 2;
  step.runs = 1;
  step.run_words = 2;
  step.out_rows = 2;
  step.out_columns = 2;
  step.groups = 1;
  step.blocks = 2;
  step.period = 5;
  step.drains = 2;
  step.target_address = 500;
  step.pixel_bytes = 3;
  step.target_row_bytes = 6;
  step.group_channels = 3;
  step.weight_address = 40;
  step.channel_address = 20;
  return step;
}

int main() {
  const hwmap::Step step = Convolution();
  hwmap::Walker<Params> walker(step);
  int trips = 0, terms = 0;
  for (int row = 0; row < 2; ++row) {
    for (int column = 0; column < 2; ++column) {
      for (int block = 0; block < 2; ++block) {
        for (int trip = 0; trip < 5; ++trip, ++trips) {
          CHECK(!walker.Done());
          CHECK(walker.HasTerm() == (trip < 4));
          CHECK(walker.IsFirstTerm() == (trip == 0));
          CHECK(walker.IsLastTrip() == (trip == 4));
          if (walker.HasTerm()) {
            const int source_row = 2 * row - 1 + trip / 2;
            const int begin = 100 + 9 * source_row;
            const bool inside = source_row >= 0 && source_row < 3;
            CHECK(walker.RowBegin() == begin);
            CHECK(walker.RowEnd() == begin + (inside ? 9 : 0));
            CHECK(walker.Address() == begin + 6 * column - 3 + 4 * (trip % 2));
            CHECK(walker.weight_address() == static_cast<unsigned>(40 + 4 * block + trip));
            ++terms;
          }
          CHECK(walker.TargetAddress() == 500 + 3 * (2 * row + column) + 2 * block);
          CHECK(walker.channels_left() == 3 - 2 * block);
          CHECK(walker.channel_address() == static_cast<unsigned>(20 + 2 * block));
          walker.Advance();
        }
      }
    }
  }
  CHECK(walker.Done());
  CHECK(trips == 40 && terms == 32);
}
