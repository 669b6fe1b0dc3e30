#include "hwmap/results.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kRequantLanes = 4;
};

// The eight sums of a pixel leave four by four; a lookup inverts them.
int main() {
  static hwmap::ArenaMemory<Params> arena;
  const std::int32_t sums[8] = {10, -20, 126, 3, 0, 500, -500, 1};
  std::int8_t channels[64] = {}, held[8] = {};
  hwmap::TableMemory<Params> table;
  for (int i = 0; i < 256; ++i) table[i] = static_cast<std::int8_t>(127 - i);
  hwmap::Row row = EmptyRow(hwmap::StepKind::kLookup);
  row.multiplier = 1;
  row.bias = 1;
  hwmap::WriteCommand<Params> command = {};
  command.row = 5;
  command.count = 1;
  hwmap::WriteResults<Params>(row, command, sums, channels, table, held, arena);
  CHECK(arena[5][0] == 0);
  command.slice = 1;
  command.writes = true;
  hwmap::WriteResults<Params>(row, command, sums, channels, table, held, arena);
  const std::int8_t expected[8] = {-12, 18, -128, -5, -2, -128, 127, -3};
  for (unsigned i = 0; i < 8; ++i) CHECK(hwmap::ByteOf(arena[5][0], i) == expected[i]);
  // Each channel has its own bias, multiplier and shift.
  row.kind = hwmap::StepKind::kMatrix;
  channels[4 * 8] = 6;        // bias of channel 4
  channels[4 * 8 + 4] = 3;    // its multiplier
  channels[4 * 8 + 7] = 1;    // its shift
  hwmap::WriteResults<Params>(row, command, sums, channels, table, held, arena);
  CHECK(hwmap::ByteOf(arena[5][0], 4) == 9 && hwmap::ByteOf(arena[5][0], 5) == 0);
}
