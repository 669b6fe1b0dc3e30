#include "hwmap/pointwise.hpp"

#include "check.hpp"

namespace {

struct Params {
  static constexpr unsigned kTrips = 4, kBlock = 2, kSumBits = 30, kMostShift = 20;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
};

/// Factors of the sum are powers of two, up to 8.
struct ShiftedParams {
  static constexpr unsigned kTrips = 4, kBlock = 2, kSumBits = 13, kMostShift = 4, kLeft = 3;
};

struct ScaleParams {
  static constexpr unsigned kTrips = 5, kBlock = 2, kLanes = 2, kPixelWords = 1;
  static constexpr unsigned kSumBits = 20, kMostShift = 20;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
};

struct ReduceParams {
  static constexpr unsigned kTrips = 6, kBlock = 2, kWordsOut = 2, kPixelsIn = 3, kResults = 1;
  static constexpr unsigned kDrainTrips = 2, kTail = 4, kSumBits = 20, kMostShift = 20;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
};

using Fifo = hwmap::Fifo<hwmap::Bytes<2>, 2>;

void Fill(Fifo& fifo, int count, int factor) {
  hwmap::Clock clock;
  for (int i = 0; i < count; ++i) {
    hwmap::WriteFifo(fifo,
                     {{static_cast<std::int8_t>(factor * i), static_cast<std::int8_t>(i - 5)}},
                     clock);
  }
}

}  // namespace

int main() {
  hwmap::Clock clock, sink;
  Fifo first, second, sums, products, scaled, factors, values, looked_up, means, map;
  Fill(first, 8, 3);
  Fill(second, 8, 2);
  // 5 a + 7 b - 1, a half of it.
  const hwmap::Numbers add = {0, 0, 5, 7, -1, 1, 0, -128, 127};
  hwmap::RunJoin<Params, hwmap::Sum>(add, first, second, sums, 1, clock);
  // (a - 1) * (b + 2) * 3 / 4, plus 1.
  const hwmap::Numbers mul = {1, -2, 3, 0, 0, 2, 1, -128, 127};
  hwmap::RunJoin<Params, hwmap::Product>(mul, first, second, products, 1, clock);
  CHECK(clock.now() == 8);
  const auto requantize = hwmap::Requantize<30, 20>;
  for (int i = 0; i < 4; ++i) {
    const hwmap::Bytes<2> word = hwmap::ReadFifo(sums, sink);
    CHECK(word.at[0] == requantize(5 * 3 * i + 7 * 2 * i - 1, 1, 1, 0, -128, 127));
    CHECK(word.at[1] == requantize(12 * (i - 5) - 1, 1, 1, 0, -128, 127));
  }
  for (int i = 4; i < 8; ++i) {
    const hwmap::Bytes<2> word = hwmap::ReadFifo(products, sink);
    CHECK(word.at[0] == requantize((3 * i - 1) * (2 * i + 2), 3, 2, 1, -128, 127));
    CHECK(word.at[1] == requantize((i - 6) * (i - 3), 3, 2, 1, -128, 127));
  }

  Fill(first, 4, 3);
  Fill(second, 4, 2);
  // 8 a - 2 b + 1, a fourth of it.
  const hwmap::Numbers shifts = {0, 0, 3, ~1, 1, 2, 0, -128, 127};
  hwmap::RunJoin<ShiftedParams, hwmap::Sum>(shifts, first, second, sums, 1, clock);
  for (int i = 0; i < 4; ++i) {
    const hwmap::Bytes<2> word = hwmap::ReadFifo(sums, sink);
    CHECK(word.at[0] == requantize(8 * 3 * i - 2 * 2 * i + 1, 1, 2, 0, -128, 127));
    CHECK(word.at[1] == requantize(6 * (i - 5) + 1, 1, 2, 0, -128, 127));
  }

  Fill(values, 8, 3);
  hwmap::WriteFifo(factors, {{4, 5}}, sink);
  hwmap::WriteFifo(factors, {{6, 7}}, sink);
  hwmap::RunScale<ScaleParams>(mul, values, factors, scaled, 2, clock);
  for (int i = 0; i < 8; ++i) {
    const int factor = i < 4 ? 4 : 6;
    const hwmap::Bytes<2> word = hwmap::ReadFifo(scaled, sink);
    CHECK(word.at[0] == requantize((3 * i - 1) * (factor + 2), 3, 2, 1, -128, 127));
    CHECK(word.at[1] == requantize((i - 6) * (factor + 3), 3, 2, 1, -128, 127));
  }

  std::int8_t table[256][1];
  for (int i = 0; i < 256; ++i) table[i][0] = static_cast<std::int8_t>(127 - i);
  Fill(values, 4, -20);
  hwmap::RunTable<Params>(table, values, looked_up, 1, clock);
  for (int i = 0; i < 4; ++i) {
    const hwmap::Bytes<2> word = hwmap::ReadFifo(looked_up, sink);
    CHECK(word.at[0] == -1 + 20 * i && word.at[1] == -1 - (i - 5));
  }

  // Words 0, 2, 4 are the three pixels of the first channels, words 1, 3, 5 of the others.
  Fill(map, 12, 1);
  const hwmap::Numbers mean = {0, 0, 1, 0, 0, 0, 0, -128, 127};
  hwmap::SInt<20> partial[2][2], complete[2][2];
  hwmap::RunReduce<ReduceParams>(mean, partial, complete, map, means, 2, clock);
  for (int image = 0; image < 2; ++image) {
    for (int word = 0; word < 2; ++word) {
      const int sum = 3 * 6 * image + 6 + 3 * word;
      const hwmap::Bytes<2> found = hwmap::ReadFifo(means, sink);
      CHECK(found.at[0] == sum && found.at[1] == sum - 15);
    }
  }
}
