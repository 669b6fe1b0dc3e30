#include "hwmap/pick.hpp"

#include "check.hpp"

namespace {

// Four channels of 2 x 3 pixels, in words of two lanes.
struct Words {
  static constexpr unsigned kLanes = 2, kWords = 12, kWordsOut = 2, kMemoryWords = 32;
  static constexpr unsigned kColumnsOut = 3, kPhaseRows = 1, kPhaseColumns = 1, kTaps = 1;
  static constexpr unsigned kSumBits = 24, kMostShift = 11;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
};

// Channels 3 1 2 0, and the columns from right to left.
struct Mirror : Words {
  static constexpr unsigned kTrips = 12, kComputing = 12, kLead = 16, kRowsOut = 2, kSteps = 1;
  static constexpr unsigned kCopies = 2, kStraight = 0, kAxis = 0;
  static std::int32_t Row(std::uint32_t, std::uint32_t at) { return at == 0 ? 0 : 6; }
  static std::int32_t Column(std::uint32_t, std::uint32_t at) { return 4 - 2 * static_cast<int>(at); }
  static std::int32_t Word(std::uint32_t lane, std::uint32_t) { return lane == 0; }
  static std::int32_t Lane(std::uint32_t, std::uint32_t word) { return word == 0; }
};

// Three rows from two: the first, the mean, the second.
struct Between : Words {
  static constexpr unsigned kTrips = 36, kComputing = 36, kLead = 36, kRowsOut = 3, kSteps = 2;
  static constexpr unsigned kCopies = 1, kStraight = 1, kAxis = 0;
  static std::int32_t Row(std::uint32_t tap, std::uint32_t) { return tap == 0 ? 0 : 6; }
  static std::int32_t Column(std::uint32_t, std::uint32_t at) { return 2 * static_cast<int>(at); }
  static std::int32_t Word(std::uint32_t, std::uint32_t word) { return static_cast<int>(word); }
  static std::int32_t Factor(std::uint32_t tap, std::uint32_t row) {
    return 1024 * static_cast<int>(tap == 0 ? 2 - row : row);
  }
};

int Value(int image, int channel, int y, int x) {
  return (image * 57 + channel * 31 + y * 13 + x * 7) % 100 - 40;
}

using Fifo = hwmap::Fifo<hwmap::Bytes<2>, 2>;

void Fill(Fifo& input) {
  hwmap::Clock clock;
  for (int i = 0; i < 24; ++i) {
    const int image = i / 12, y = i / 6 % 2, x = i / 2 % 3, channel = i % 2 * 2;
    hwmap::WriteFifo(input,
                     {{static_cast<std::int8_t>(Value(image, channel, y, x)),
                       static_cast<std::int8_t>(Value(image, channel + 1, y, x))}},
                     clock);
  }
}

}  // namespace

int main() {
  const hwmap::Numbers numbers = {-5, 0, 1, 0, 0, 11, -5, -128, 127};
  const int channels[] = {3, 1, 2, 0};
  std::int8_t copies[2][32][2] = {}, memory[1][32][2] = {};
  Fifo input, mirrored, between;
  hwmap::Clock clocks[3];
  for (int i = 0; i < 2; ++i) Fill(input);
  hwmap::RunPick<Mirror>(copies, input, mirrored, 2, clocks[0]);
  hwmap::RunBlend<Between>(numbers, memory, input, between, 2, clocks[1]);
  CHECK(clocks[0].now() == 24 + 16);
  CHECK(clocks[1].now() == 72 + 36);
  for (int i = 0; i < 24; ++i) {
    const hwmap::Bytes<2> word = hwmap::ReadFifo(mirrored, clocks[2]);
    for (int lane = 0; lane < 2; ++lane) {
      const int channel = channels[i % 2 * 2 + lane];
      CHECK(word.at[lane] == Value(i / 12, channel, i / 6 % 2, 2 - i / 2 % 3));
    }
  }
  for (int i = 0; i < 36; ++i) {
    const hwmap::Bytes<2> word = hwmap::ReadFifo(between, clocks[2]);
    for (int lane = 0; lane < 2; ++lane) {
      const int y = i / 6 % 3, x = i / 2 % 3, channel = i % 2 * 2 + lane;
      const int first = Value(i / 18, channel, 0, x), second = Value(i / 18, channel, 1, x);
      const int sum = 1024 * ((2 - y) * (first + 5) + y * (second + 5));
      const std::int8_t wanted = hwmap::Requantize<24, 11>(sum, 1, 11, -5, -128, 127);
      CHECK(word.at[lane] == wanted);
    }
  }
}
