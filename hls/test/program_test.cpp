#include "hwmap/program.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

using Params = SmallestParams;
using Words = hwmap::Stream<hwmap::Bytes<8>, 64>;

constexpr unsigned kRowWords = hwmap::BusWords<Params>(hwmap::kRowBytes);

/// A program of one step for every image, with two source rows, three segments and two constants.
std::vector<hwmap::Bytes<8>> Program() {
  std::vector<hwmap::Bytes<8>> words(3 + kRowWords + 1 + 3 + 2);
  const std::uint32_t header[] = {7, 8, 0, 1, 0, kRowWords + 6};
  std::memcpy(words[0].at, header, sizeof header);
  std::int8_t* row = words[3].at;
  row[0] = static_cast<std::int8_t>(hwmap::StepKind::kStore);
  row[1] = 2;             // source_rows
  row[5] = 3;             // segments
  row[6] = 100;           // trips
  row[10] = 2;            // fetch_words
  const std::uint32_t pointers[] = {11, 22};
  std::memcpy(words[3 + kRowWords].at, pointers, sizeof pointers);
  words.back().at[7] = 99;
  return words;
}

int main() {
  const std::vector<hwmap::Bytes<8>> program = Program();
  Words engine, reads, writes;
  hwmap::Clock feeder, clock, walker;
  hwmap::FeedProgram<Params>(program.data(), 2, engine, reads, writes, feeder);
  // The walks do not get the constants.
  CHECK(engine.size() == 3 + 2 * (kRowWords + 6) && reads.size() == 3 + 2 * (kRowWords + 4));
  const hwmap::Header header = hwmap::ReadHeader<Params>(engine, clock);
  CHECK(header.magic == 7 && header.signature == 8 && header.image_steps == 1);
  // The first word comes after the latency of DRAM.
  CHECK(clock.now() == 60 + 3);
  hwmap::ReadHeader<Params>(reads, walker);
  for (int image = 0; image < 2; ++image) {
    const hwmap::Row row = hwmap::ReadRow<Params>(engine, clock);
    CHECK(row.kind == hwmap::StepKind::kStore && row.source_rows == 2 && row.target_rows == 0);
    CHECK(row.segments == 3 && row.trips == 100 && row.fetch_words == 2);
    hwmap::SkipNumbers<Params>(engine, 2 + 6, clock);
    CHECK(hwmap::Read(engine, clock).at[7] == 0 && hwmap::Read(engine, clock).at[7] == 99);
    hwmap::Numbers<Params, 8> pointers = {};
    hwmap::ReadRow<Params>(reads, walker);
    hwmap::ReadNumbers<Params>(reads, 2, pointers, walker);
    CHECK(hwmap::NumberAt(pointers, 0) == 11 && hwmap::NumberAt(pointers, 1) == 22);
    hwmap::SkipNumbers<Params>(reads, 6, walker);
  }
  CHECK(engine.size() == 0 && reads.size() == 0);
  // Numbers below zero come back as they are.
  const std::int8_t bytes[] = {-1, -1, 0x7F, -2};
  CHECK((hwmap::Field<0, 2, true>(bytes) == -1) && (hwmap::Field<0, 3, true>(bytes) == 0x7FFFFF));
  CHECK((hwmap::Field<3, 1, false>(bytes) == 254));
}
