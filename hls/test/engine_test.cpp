// The engine with a table of three steps: load 4 bytes, add them to themselves, store.

#include "hwmap/engine.hpp"

#include "check.hpp"

struct Params {
  static constexpr unsigned kPe = 1;
  static constexpr unsigned kSimd = 1;
  static constexpr unsigned kVectorLanes = 1;
  static constexpr unsigned kRequantLanes = 1;
  static constexpr unsigned kBusBytes = 1;
  static constexpr unsigned kArenaLanes = 1;
  static constexpr unsigned kArenaRows = 10;
  static constexpr unsigned kWeightWords = 1;
  static constexpr unsigned kChannelWords = 1;
  static constexpr std::uint32_t kFetchedBusWords = 0;
  static constexpr unsigned kDramLatencyCycles = 60;
  static constexpr unsigned kStepOverheadCycles = 10;
  static constexpr unsigned kTables = 1;
};

constexpr std::int8_t kTables[1][256] = {};

int main() {
  hwmap::Step load = {}, add = {}, store = {};
  load.kind = hwmap::StepKind::kLoad;
  load.stream_bytes = 4;
  add.kind = hwmap::StepKind::kAdd;
  add.rows = 1;
  add.row_bytes = 4;
  add.stride_bytes = 1;
  add.kernel_rows = 1;
  add.runs = 2;
  add.run_words = 1;
  add.out_rows = 1;
  add.out_columns = 4;
  add.groups = add.blocks = 1;
  add.period = 2;
  add.drains = 1;
  add.target_address = 4;
  add.pixel_bytes = add.group_channels = 1;
  add.target_row_bytes = 4;
  add.operand[0] = add.operand[1] = 1;
  add.multiplier = 1;
  add.low = -128;
  add.high = 127;
  store.kind = hwmap::StepKind::kStore;
  store.first_row_address = 4;
  store.stream_bytes = 4;
  const hwmap::Step steps[3] = {load, add, store};

  static hwmap::Engine<Params> engine;
  using Word = hwmap::Bytes<1>;
  hwmap::Stream<Word, 8> constants;
  hwmap::Stream<Word, 0> input, output;
  hwmap::Clock sender, clock, receiver;
  const std::int8_t values[4] = {1, -2, 70, -100};
  for (const std::int8_t value : values) hwmap::Write(input, Word{{value}}, sender);
  engine.Run(steps, 3, kTables, constants, input, output, clock);

  const std::int8_t expected[4] = {2, -4, 127, -128};
  for (const std::int8_t value : expected) CHECK(hwmap::Read(output, receiver).at[0] == value);
  // load: 10 + 4; add: 10 + 4 * 2 + 1; store: 10 + 4.
  CHECK(clock.marks().size() == 3);
  CHECK(clock.marks()[0] == 14 && clock.marks()[1] == 33 && clock.marks()[2] == 47);
}
