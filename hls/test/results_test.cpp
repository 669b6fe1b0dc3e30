#include "hwmap/results.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kPe = 4;
  static constexpr unsigned kRequantLanes = 2;
  static constexpr unsigned kVectorLanes = 4;
  static constexpr unsigned kArenaLanes = 4;
};

// Four sums, of which three are channels, leave two by two; a lookup inverts them.
int main() {
  static hwmap::ArenaMemory<Params> arena;
  static hwmap::ChannelMemory<Params> channels;
  hwmap::TableMemory<Params> tables;
  for (int i = 0; i < 256; ++i) tables[0][i] = static_cast<std::int8_t>(127 - i);
  hwmap::Step step = EmptyStep(hwmap::StepKind::kLookup);
  step.multiplier = 1;
  step.bias = 1;
  step.low = -128;
  step.high = 127;
  std::int32_t complete[4] = {10, -20, 126, 3};
  hwmap::Drain<Params> drain;
  drain.left = 2;
  drain.target = 4 + 7;
  drain.channels_left = 3;
  hwmap::DrainResults<Params>(step, tables, channels, drain, complete, arena);
  CHECK(drain.left == 1 && drain.channels_left == 1 && complete[0] == 126);
  hwmap::DrainResults<Params>(step, tables, channels, drain, complete, arena);
  CHECK(drain.left == 0 && drain.channels_left == -1);
  std::int8_t bytes[4];
  hwmap::ReadArena<Params>(arena, 2, 3, 0, 4, 0, bytes);
  CHECK(bytes[0] == -12 && bytes[1] == 18 && bytes[2] == -128 && bytes[3] == 0);
}
