#include "hwmap/movement.hpp"

#include "check.hpp"

namespace {

struct ForkParams {
  static constexpr unsigned kTrips = 3, kBlock = 1;
};

/// 5 channels in words of 2 lanes, and of 3.
struct GearboxParams {
  static constexpr unsigned kTrips = 6, kPixels = 1, kUnit = 1, kUnits = 5, kUnitsIn = 2;
  static constexpr unsigned kUnitsOut = 3, kLanesIn = 2, kLanesOut = 3;
};

/// Rows of 3 pixels with 2 words each, one pixel and two pixels to a word.
struct GatherParams {
  static constexpr unsigned kTrips = 12, kPixelsIn = 1, kPixelsOut = 2, kLanes = 1, kPixelWords = 2;
  static constexpr unsigned kGroups = 3;
};

struct SpreadParams {
  static constexpr unsigned kTrips = 12, kPixelsIn = 2, kPixelsOut = 1, kLanes = 1, kPixelWords = 2;
  static constexpr unsigned kGroups = 3;
};

struct ConcatParams {
  static constexpr unsigned kTrips = 6, kBlock = 1, kSources = 2, kMostTurn = 2;
  static constexpr unsigned kSumBits = 10, kMostShift = 4;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
  static constexpr unsigned Turn(unsigned source) { return source == 0 ? 2 : 1; }
};

template <unsigned N>
void Put(hwmap::Fifo<hwmap::Bytes<N>, 2>& fifo, std::initializer_list<int> bytes) {
  hwmap::Clock clock;
  hwmap::Bytes<N> word;
  unsigned at = 0;
  for (const int byte : bytes) word.at[at++] = static_cast<std::int8_t>(byte);
  hwmap::WriteFifo(fifo, word, clock);
}

template <unsigned N>
bool Next(hwmap::Fifo<hwmap::Bytes<N>, 2>& fifo, std::initializer_list<int> bytes) {
  hwmap::Clock clock;
  const hwmap::Bytes<N> word = hwmap::ReadFifo(fifo, clock);
  unsigned at = 0;
  for (const int byte : bytes) {
    if (byte != word.at[at++]) return false;
  }
  return true;
}

}  // namespace

int main() {
  hwmap::Clock clock;
  hwmap::Fifo<hwmap::Bytes<1>, 2> one, left, right, pixels, spread, joined;
  hwmap::Fifo<hwmap::Bytes<2>, 2> two, pairs;
  hwmap::Fifo<hwmap::Bytes<3>, 2> three;
  for (int i = 0; i < 3; ++i) Put<1>(one, {i});
  hwmap::RunFork<ForkParams>(one, 1, clock, left, right);
  for (int i = 0; i < 3; ++i) CHECK(Next<1>(left, {i}) && Next<1>(right, {i}));

  for (int pixel = 0; pixel < 2; ++pixel) {
    Put<2>(two, {10 * pixel, 10 * pixel + 1});
    Put<2>(two, {10 * pixel + 2, 10 * pixel + 3});
    Put<2>(two, {10 * pixel + 4, 99});
  }
  hwmap::RunGearbox<GearboxParams>(two, three, 1, clock);
  for (int pixel = 0; pixel < 2; ++pixel) {
    CHECK(Next<3>(three, {10 * pixel, 10 * pixel + 1, 10 * pixel + 2}));
    CHECK(Next<3>(three, {10 * pixel + 3, 10 * pixel + 4}));
  }

  for (int i = 0; i < 12; ++i) Put<1>(pixels, {i});
  hwmap::RunGather<GatherParams>(pixels, pairs, 1, clock);
  hwmap::Fifo<hwmap::Bytes<2>, 2> again;
  for (int row = 0; row < 2; ++row) {
    const int at = 6 * row;
    for (int word = 0; word < 2; ++word) {
      CHECK(Next<2>(pairs, {at + word, at + 2 + word}));
      Put<2>(again, {at + word, at + 2 + word});
    }
    for (int word = 0; word < 2; ++word) {
      CHECK(Next<2>(pairs, {at + 4 + word}));
      Put<2>(again, {at + 4 + word, 0});
    }
  }
  hwmap::RunSpread<SpreadParams>(again, spread, 1, clock);
  for (int i = 0; i < 12; ++i) CHECK(Next<1>(spread, {i}));

  for (int i = 0; i < 4; ++i) Put<1>(left, {i});
  for (int i = 0; i < 2; ++i) Put<1>(right, {50 + i});
  const std::int8_t channels[2][8] = {{1, 0, 0, 0, 2, 0, 0, 1}, {-1, -1, -1, -1, 1, 0, 0, 0}};
  const hwmap::Numbers numbers = {0, 0, 0, 0, 0, 0, 0, -128, 127};
  hwmap::RunConcat<ConcatParams>(numbers, channels, joined, 1, clock, left, right);
  for (int pixel = 0; pixel < 2; ++pixel) {
    CHECK(Next<1>(joined, {2 * pixel + 1}) && Next<1>(joined, {2 * pixel + 2}));
    CHECK(Next<1>(joined, {49 + pixel}));
  }
}
