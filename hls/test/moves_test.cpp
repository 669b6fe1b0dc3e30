// A row of 3 words through every way into the arena and out of it: in, to DRAM, back to another
// place, out. With 2 banks a word of the bus crosses rows of the arena, and the last is half empty.

#include "hwmap/moves.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kBanks = 2;
  static constexpr unsigned kBusBytes = 16;
  static constexpr unsigned kPortBytes = 16;
};
using hwmap::StepKind;
using Word = hwmap::Bytes<16>;

namespace {

hwmap::Row RowOf(StepKind kind) {
  hwmap::Row row = EmptyRow(kind);
  row.trips = row.walk_trips = 2;
  row.address = 1;
  row.ends = 1;
  return row;
}

template <typename Command>
Command CommandOf(std::uint32_t row, std::uint32_t bank) {
  Command command = {};
  command.row = row;
  command.bank = bank;
  return command;
}

}  // namespace

int main() {
  static hwmap::ArenaMemory<Params> arena;
  static hwmap::ConstantMemory<Params> constants;
  hwmap::Numbers<Params, 2 * Params::kMostSegments> segments = {};
  hwmap::Fetcher<Params> fetcher(0, segments);
  hwmap::Stream<Word, 64> program;
  hwmap::Stream<hwmap::ReadCommand<Params>, 16> reads;
  hwmap::Stream<hwmap::WriteCommand<Params>, 16> writes;
  hwmap::Port<16> input, output;
  hwmap::Clock other, clock;
  const Word words[2] = {{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
                         {{-1, -2, -3, -4, -5, -6, -7, -8, 99, 99, 99, 99, 99, 99, 99, 99}}};
  for (unsigned i = 0; i < 2; ++i) hwmap::WritePort<16>(input, words[i], i == 1, other);
  // The row comes to bank 1 of row 3 and leaves from there, and then the same with bank 0 of row 8.
  for (unsigned place = 0; place < 2; ++place) {
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned row = (place == 0 ? 3 : 8) + i, bank = place == 0 ? 1 : 0;
      auto write = CommandOf<hwmap::WriteCommand<Params>>(row, bank);
      write.count = 2 - i;
      hwmap::Write(writes, write, other);
      auto read = CommandOf<hwmap::ReadCommand<Params>>(row, bank);
      read.high = 2 - i;
      hwmap::Write(reads, read, other);
    }
  }

  hwmap::Load<Params>(RowOf(StepKind::kLoad), fetcher, arena, constants, program, writes, input, clock);
  CHECK(arena[3][0] == 0 && hwmap::ByteOf(arena[3][1], 0) == 1 && hwmap::ByteOf(arena[4][0], 7) == 16);
  CHECK(hwmap::ByteOf(arena[4][1], 1) == -2 && arena[5][0] == 0);
  CHECK(clock.now() == 2);

  Word dram[4] = {};
  hwmap::Spill<Params>(RowOf(StepKind::kSpill), arena, reads, dram, clock);
  CHECK(dram[0].at[0] == 0 && dram[1].at[15] == 16 && dram[2].at[7] == -8 && dram[2].at[8] == 0);
  CHECK(dram[3].at[0] == 0 && clock.now() == 2 + Params::kDramLatencyCycles + 2);

  hwmap::Reload<Params>(RowOf(StepKind::kReload), arena, writes, dram, clock);
  CHECK(hwmap::ByteOf(arena[8][0], 0) == 1 && hwmap::ByteOf(arena[9][0], 7) == -8 && arena[9][1] == 0);
  CHECK(clock.now() == 4 + 2 * Params::kDramLatencyCycles + 2);

  hwmap::Store<Params>(RowOf(StepKind::kStore), fetcher, arena, constants, program, reads, output, clock);
  for (unsigned i = 0; i < 2; ++i) {
    const hwmap::Beat<16> beat = hwmap::ReadPort<16>(output, other);
    CHECK(std::memcmp(beat.word.at, words[i].at, i == 0 ? 16 : 8) == 0 && beat.last == (i == 1));
  }

  // Pixels of 3 channels, two in a word of the bus here, become words.
  hwmap::Row packed = RowOf(StepKind::kLoad);
  packed.trips = packed.walk_trips = 1;
  packed.packed_channels = 3;
  hwmap::WritePort<16>(input, words[0], true, other);
  auto write = CommandOf<hwmap::WriteCommand<Params>>(20, 1);
  write.count = 2;
  hwmap::Write(writes, write, other);
  hwmap::Load<Params>(packed, fetcher, arena, constants, program, writes, input, clock);
  CHECK(arena[20][1] == 0x030201 && arena[21][0] == 0x060504 && arena[21][1] == 0);

  // A design without the port has nothing to do.
  const std::uint64_t now = clock.now();
  hwmap::Spill<Params>(RowOf(StepKind::kSpill), arena, reads, hwmap::NoSpills(), clock);
  hwmap::Reload<Params>(RowOf(StepKind::kReload), arena, writes, hwmap::NoSpills(), clock);
  CHECK(clock.now() == now);
}
