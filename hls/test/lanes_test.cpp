#include "hwmap/lanes.hpp"

#include "check.hpp"
#include "streaming_params.hpp"

namespace {

struct Params : PlainWindow {
  static constexpr unsigned kBlock = 1, kResults = 1, kDrainTrips = 1;
  static constexpr unsigned kWeightWords = 8, kChannelWords = 2, kColumnRuns = 1;
  static constexpr unsigned RowRun(unsigned row) { return row >= 1; }
  static constexpr unsigned ColumnRun(unsigned column) { return 0 * column; }
};

int Value(int channel, int y, int x) { return (channel * 31 + y * 13 + x * 7) % 100 - 40; }

using Fifo = hwmap::Fifo<hwmap::Bytes<1>, 2>;

void Fill(Fifo& input) {
  hwmap::Clock clock;
  for (int i = 0; i < 32; ++i) {
    hwmap::WriteFifo(input, {{static_cast<std::int8_t>(Value(i % 2, i / 8, i / 2 % 4))}}, clock);
  }
}

}  // namespace

int main() {
  const hwmap::Numbers numbers = {0, 0, 0, 0, 0, 0, 0, -128, 127};
  std::int8_t memory[1][18][1] = {}, weights[8][1], channels[2][8] = {};
  for (int i = 0; i < 8; ++i) weights[i][0] = static_cast<std::int8_t>(i - 3);
  for (int i = 0; i < 2; ++i) {
    channels[i][0] = static_cast<std::int8_t>(i);
    channels[i][4] = 1;
    channels[i][7] = static_cast<std::int8_t>(2 + i);
  }
  Fifo input, depthwise, average, largest;
  hwmap::Clock clocks[4];
  for (int i = 0; i < 3; ++i) Fill(input);
  hwmap::RunDepthwise<Params>(numbers, weights, channels, memory, input, depthwise, 1, clocks[0]);
  hwmap::RunAverage<Params>(numbers, channels, memory, input, average, 1, clocks[1]);
  hwmap::RunMax<Params>(memory, input, largest, 1, clocks[2]);
  CHECK(clocks[0].now() == 32 + 11 + 1);
  for (int i = 0; i < 8; ++i) {
    const int channel = i % 2, y = i / 4 * 2, x = i / 2 % 2 * 2;
    int products = channel, sum = y / 2, most = -128;
    for (int tap = 0; tap < 4; ++tap) {
      const int value = Value(channel, y + tap / 2, x + tap % 2);
      products += value * (channel * 4 + tap - 3);
      sum += value;
      if (value > most) most = value;
    }
    const auto requantize = hwmap::Requantize<24, 8>;
    CHECK(hwmap::ReadFifo(depthwise, clocks[3]).at[0] ==
          requantize(products, 1, 2 + static_cast<unsigned>(channel), 0, -128, 127));
    CHECK(hwmap::ReadFifo(average, clocks[3]).at[0] ==
          requantize(sum, 1, 2 + static_cast<unsigned>(y) / 2, 0, -128, 127));
    CHECK(hwmap::ReadFifo(largest, clocks[3]).at[0] == most);
  }
}
