// The engine with a program of five steps: load a row of 2 words, let it leave for DRAM, reload it to
// another place, add both, store the sum.

#include "hwmap/engine.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

using Params = SmallestParams;
using hwmap::Row;
using hwmap::StepKind;

/// The bytes of a row, by their places in the program.
class Writer {
 public:
  explicit Writer(StepKind kind) : words_(hwmap::BusWords<Params>(hwmap::kRowBytes)) {
    words_[0].at[0] = static_cast<std::int8_t>(kind);
  }
  /// Finds the byte at which a field lies by changing one after the other.
  Writer& Set(std::int32_t Row::* field, std::int32_t value) {
    for (unsigned at = 1; at < hwmap::kRowBytes; ++at) {
      std::int8_t& byte = words_[at / 8].at[at % 8];
      const std::int8_t before = byte;
      const std::int32_t old = Parsed().*field;
      byte = static_cast<std::int8_t>(value);
      if (Parsed().*field == value && old != value) return *this;
      byte = before;
    }
    CHECK(Parsed().*field == value);
    return *this;
  }
  Row Parsed() const {
    std::int8_t bytes[hwmap::kRowBytes];
    for (unsigned i = 0; i < hwmap::kRowBytes; ++i) bytes[i] = words_[i / 8].at[i % 8];
    return hwmap::ParseRow(bytes);
  }
  const std::vector<hwmap::Bytes<8>>& words() const { return words_; }

 private:
  std::vector<hwmap::Bytes<8>> words_;
};

int main() {
  const Writer load = Writer(StepKind::kLoad)
                          .Set(&Row::target_rows, 1)
                          .Set(&Row::trips, 2)
                          .Set(&Row::walk_trips, 2)
                          .Set(&Row::row_words, 2);
  const Writer spill = Writer(StepKind::kSpill)
                           .Set(&Row::source_rows, 1)
                           .Set(&Row::trips, 2)
                           .Set(&Row::walk_trips, 2)
                           .Set(&Row::row_words, 2)
                           .Set(&Row::address, 3);
  const Writer reload = Writer(StepKind::kReload)
                            .Set(&Row::target_rows, 1)
                            .Set(&Row::trips, 2)
                            .Set(&Row::walk_trips, 2)
                            .Set(&Row::row_words, 2)
                            .Set(&Row::address, 3);
  // One term of 4 reads; the sum of the first pixel is settled behind 4 more; 2 trips for results.
  Writer add(StepKind::kSum);
  add.Set(&Row::source_rows, 2).Set(&Row::target_rows, 1).Set(&Row::trips, 9);
  add.Set(&Row::columns, 2).Set(&Row::rows, 1).Set(&Row::pixels, 2).Set(&Row::stripe, 2).Set(&Row::groups, 1);
  add.Set(&Row::blocks, 1).Set(&Row::walk_trips, 7).Set(&Row::kernel_rows, 1).Set(&Row::runs, 1);
  add.Set(&Row::run_trips, 1).Set(&Row::taps, 2).Set(&Row::fresh, 2).Set(&Row::last, 7);
  add.Set(&Row::pixel_words, 1).Set(&Row::next_words, 1).Set(&Row::row_words, 2);
  add.Set(&Row::second, 1).Set(&Row::write_trips, 2).Set(&Row::slices, 1).Set(&Row::last_slices, 1);
  add.Set(&Row::target_pixel_words, 1).Set(&Row::target_words, 1).Set(&Row::first_operand, 1);
  add.Set(&Row::later_operand, 1).Set(&Row::multiplier, 1).Set(&Row::high, 127);
  add.Set(&Row::low, -128);
  const Writer store = Writer(StepKind::kStore)
                           .Set(&Row::source_rows, 1)
                           .Set(&Row::trips, 2)
                           .Set(&Row::walk_trips, 2)
                           .Set(&Row::row_words, 2)
                           .Set(&Row::ends, 1);
  const std::uint32_t pointers[][4] = {{4}, {4}, {8}, {4, 8, 6}, {6}};

  hwmap::Stream<hwmap::Bytes<8>, 64> program;
  hwmap::Stream<hwmap::Bytes<8>, 64, false> read_words, write_words;
  hwmap::Stream<hwmap::ReadCommand<Params>, 16> reads;
  hwmap::Stream<hwmap::WriteCommand<Params>, 16> writes;
  hwmap::Clock feeder;
  int number = 0;
  for (const Writer* row : {&load, &spill, &reload, &static_cast<const Writer&>(add), &store}) {
    std::vector<hwmap::Bytes<8>> words = row->words();
    // Two pointers of the sum's sources are a word, that of its target another one.
    for (const int first : number == 3 ? std::vector<int>{0, 2} : std::vector<int>{0}) {
      words.push_back({});
      std::memcpy(words.back().at, &pointers[number][first], 8);
    }
    ++number;
    for (const hwmap::Bytes<8>& word : words) {
      hwmap::Write(program, word, feeder);
      hwmap::Write(read_words, word, feeder);
      hwmap::Write(write_words, word, feeder);
    }
  }
  static hwmap::ArenaMemory<Params> arena;
  static hwmap::ConstantMemory<Params> constants;
  static hwmap::SumMemory<Params> even, odd;
  hwmap::Port<8> input, output;
  hwmap::Clock sender, reader, writer, clock, receiver;
  hwmap::WritePort<8>(input, {{1, -2, 70, -100, 0, 0, 0, 5}}, false, sender);
  hwmap::WritePort<8>(input, {{3, 0, 0, 0, 0, 0, 0, -64}}, true, sender);
  for (int step = 0; step < 5; ++step) {
    hwmap::WalkReads<Params>(read_words, reads, reader);
    hwmap::WalkWrites<Params>(write_words, writes, writer);
  }
  const std::uint64_t row_words = hwmap::BusWords<Params>(hwmap::kRowBytes);
  std::uint64_t expected_end = 0;
  hwmap::Bytes<8> dram[5] = {};
  const std::uint64_t latency = Params::kDramLatencyCycles;
  for (const std::uint64_t cycles :
       {std::uint64_t{1 + 10 + 2}, 1 + 10 + latency + 2, 1 + 10 + latency + 2,
        std::uint64_t{2 + 10 + 9}, std::uint64_t{1 + 10 + 2}}) {
    hwmap::RunStep<Params>(arena, constants, even, odd, program, reads, writes, input, output, dram,
                           clock);
    expected_end += row_words + cycles;
    CHECK(clock.now() == expected_end);
  }
  CHECK(dram[2].at[0] == 0 && dram[3].at[2] == 70 && dram[4].at[7] == -64);
  const std::int8_t expected[2][8] = {{2, -4, 127, -128, 0, 0, 0, 10}, {6, 0, 0, 0, 0, 0, 0, -128}};
  for (int i = 0; i < 2; ++i) {
    const hwmap::Beat<8> beat = hwmap::ReadPort<8>(output, receiver);
    CHECK(std::memcmp(beat.word.at, expected[i], 8) == 0 && beat.last == (i == 1));
  }
}
