#include "hwmap/constants.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kPortBytes = 16;
};

void WordsGoWhereTheSegmentsSay() {
  static hwmap::ConstantMemory<Params> memory;
  hwmap::Stream<hwmap::Bytes<8>, 8> stream;
  hwmap::Clock clock;
  for (std::int8_t i = 0; i < 5; ++i) {
    hwmap::Bytes<8> word = {};
    word.at[0] = i;
    hwmap::Write(stream, word, clock);
  }
  // Three bus words from the middle of port word 2 on, two from port word 0 on.
  hwmap::Fetcher<Params>::Segments segments = {};
  const std::uint32_t numbers[] = {5, 3, 0, 2};
  for (unsigned i = 0; i < 4; ++i) segments[i / 2][i % 2] = numbers[i];
  hwmap::Fetcher<Params> fetcher(5, segments);
  for (int trip = 0; trip < 7; ++trip) {
    clock.Tick();
    fetcher.Advance(stream, memory, clock);
  }
  CHECK(stream.size() == 0);
  CHECK(memory[2][1] == 0 && memory[3][0] == 1 && memory[3][1] == 2);
  CHECK(memory[0][0] == 3 && memory[0][1] == 4);
}

void AWordOfThePortIsKeptInItsSlot() {
  static hwmap::ConstantMemory<Params> memory;
  memory[3][1] = 0x0807060504030201;
  std::int8_t word[16], kept[40] = {};
  hwmap::ReadConstant<Params>(memory, 3, word);
  hwmap::Keep<Params>(word, 1, kept);
  CHECK(kept[23] == 0 && kept[24] == 1 && kept[31] == 8);
  // The last slot is not whole.
  hwmap::Keep<Params>(word, 2, kept);
  CHECK(kept[39] == 0 && kept[31] == 8);
}

int main() {
  WordsGoWhereTheSegmentsSay();
  AWordOfThePortIsKeptInItsSlot();
}
