// The engine with a table of three steps: load 4 bytes, add them to themselves, store.

#include "hwmap/engine.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

using Params = SmallestParams;

int main() {
  hwmap::Step load = EmptyStep(hwmap::StepKind::kLoad);
  load.stream_words = load.trips = 4;
  load.last_bytes = 1;
  hwmap::Step add = EmptyStep(hwmap::StepKind::kAdd);
  add.trips = 9;
  add.walk.rows = 1;
  add.walk.row_bytes = 4;
  add.walk.stride_bytes = 1;
  add.walk.runs = 2;
  add.walk.out_columns = 4;
  add.walk.period = 2;
  add.walk.walk_trips = 8;
  add.walk.drains = 1;
  add.walk.target_address = 4;
  add.walk.pixel_bytes = add.walk.group_channels = 1;
  add.walk.target_row_bytes = 4;
  add.first_operand = add.later_operand = 1;
  add.multiplier = 1;
  add.low = -128;
  add.high = 127;
  hwmap::Step store = EmptyStep(hwmap::StepKind::kStore);
  store.stream_address = 4;
  store.stream_words = store.trips = 4;
  store.last_bytes = 1;
  const hwmap::Step steps[3] = {load, add, store};

  static hwmap::ArenaMemory<Params> arena;
  static hwmap::WeightMemory<Params> weights;
  static hwmap::ChannelMemory<Params> channels;
  static const hwmap::TableMemory<Params> tables = {};
  hwmap::Stream<hwmap::Bytes<1>, 8> constants;
  hwmap::Stream<hwmap::Command<Params>, 2> commands;
  hwmap::Port<1> input, output;
  hwmap::Clock sender, walker, clock, receiver;
  const std::int8_t values[4] = {1, -2, 70, -100};
  // Two images in a row.
  for (int image = 0; image < 2; ++image) {
    for (int i = 0; i < 4; ++i) hwmap::WritePort<1>(input, {{values[i]}}, i == 3, sender);
    hwmap::WalkImage<Params>(steps, commands, walker);
  }
  for (int image = 0; image < 2; ++image) {
    clock.Restart();
    hwmap::RunImage<Params>(steps, arena, weights, channels, tables, constants, commands, input,
                            output, clock);
    // load: 10 + 4; add: 10 + 4 * 2 + 1; store: 10 + 4.
    CHECK(clock.marks().size() == 3);
    CHECK(clock.marks()[0] == 14 && clock.marks()[1] == 33 && clock.marks()[2] == 47);
    const std::int8_t expected[4] = {2, -4, 127, -128};
    for (int i = 0; i < 4; ++i) {
      const hwmap::Beat<1> beat = hwmap::ReadPort<1>(output, receiver);
      CHECK(beat.word.at[0] == expected[i] && beat.last == (i == 3));
    }
  }
}
