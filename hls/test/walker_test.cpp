#include "hwmap/walker.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kPe = 2;
  static constexpr unsigned kSimd = 4;
  static constexpr unsigned kVectorLanes = 2;
  static constexpr unsigned kArenaLanes = 4;
  static constexpr unsigned kArenaRows = 200;
  static constexpr unsigned kWeightWords = 60;
  static constexpr unsigned kChannelWords = 40;
  static constexpr unsigned kSteps = 1;
};

// A 2 x 2 convolution, pads 1 at the top and left, on 3 x 3 pixels of 3 channels at address 100, to
// 2 x 2 pixels of 3 channels: two blocks of PE = 2, rows of 6 bytes are two words of SIMD = 4.
hwmap::Step Convolution() {
  hwmap::Step step = EmptyStep(hwmap::StepKind::kMatrix);
  hwmap::Walk& walk = step.walk;
  walk.rows = 3;
  walk.row_bytes = 9;
  walk.pad_rows = 1;
  walk.pad_bytes = 3;
  walk.first_row_address = 100 - 9;
  walk.stride_rows = 2;
  walk.stride_row_bytes = 18;
  walk.stride_bytes = 6;
  walk.row_step = 1;
  walk.row_step_bytes = 9;
  walk.kernel_rows = 2;
  walk.run_words = 2;
  walk.out_columns = 2;
  walk.blocks = 2;
  walk.period = 5;
  walk.walk_trips = 40;
  walk.drains = 2;
  walk.target_address = 500;
  walk.pixel_bytes = 3;
  walk.target_row_bytes = 6;
  walk.group_channels = 3;
  walk.weight_address = 40;
  walk.channel_address = 20;
  return step;
}

void AConvolutionIsWalkedInOrder() {
  const hwmap::Step steps[1] = {Convolution()};
  hwmap::Stream<hwmap::Command<Params>, 16> commands;
  hwmap::Clock clock, reader;
  hwmap::WalkImage<Params>(steps, commands, clock);
  CHECK(clock.now() == 4 + 40);
  CHECK(commands.size() == 40);
  for (int row = 0; row < 2; ++row) {
    for (int column = 0; column < 2; ++column) {
      for (int block = 0; block < 2; ++block) {
        for (int trip = 0; trip < 5; ++trip) {
          const hwmap::Command<Params> command = hwmap::Read(commands, reader);
          CHECK(command.has_term == (trip < 4));
          CHECK(command.first == (trip == 0) && command.last == (trip == 4));
          if (command.has_term) {
            const int source_row = 2 * row - 1 + trip / 2;
            const int in_row = 6 * column - 3 + 4 * (trip % 2);
            const int first = 100 + 9 * source_row + in_row;
            const bool row_inside = source_row >= 0 && source_row < 3;
            for (int lane = 0; lane < 4; ++lane) {
              const bool inside = row_inside && in_row + lane >= 0 && in_row + lane < 9;
              CHECK((lane >= command.low && lane < command.high) == inside);
              if (inside) CHECK(4 * command.row + command.offset == 4 + first);
            }
            CHECK(command.weight == 40 + 4 * block + trip);
          }
          CHECK(command.target == 4 + 500 + 3 * (2 * row + column) + 2 * block);
          CHECK(command.channels_left == 3 - 2 * block);
          CHECK(command.channel == 20 + 2 * block);
        }
      }
    }
  }
}

// A tensor of two pixels of one channel, scaled by a value at address 30.
void AScaleReadsItsSecondValueFromOnePlace() {
  hwmap::Step steps[1] = {EmptyStep(hwmap::StepKind::kScale)};
  hwmap::Walk& walk = steps[0].walk;
  walk.rows = 1;
  walk.row_bytes = 2;
  walk.stride_bytes = 1;
  walk.runs = 2;
  walk.out_columns = 2;
  walk.period = 2;
  walk.walk_trips = 4;
  walk.first_row_address = 8;
  walk.second_source_bytes = 30;
  walk.group_channels = 1;
  walk.pixel_bytes = 1;
  hwmap::Stream<hwmap::Command<Params>, 16> commands;
  hwmap::Clock clock, reader;
  hwmap::WalkImage<Params>(steps, commands, clock);
  for (const int expected : {8, 30, 9, 30}) {
    const hwmap::Command<Params> command = hwmap::Read(commands, reader);
    CHECK(4 * command.row + command.offset == 4 + expected);
    CHECK(command.low == 0 && command.high > 0);
  }
}

int main() {
  AConvolutionIsWalkedInOrder();
  AScaleReadsItsSecondValueFromOnePlace();
}
