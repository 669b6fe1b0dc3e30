#include "hwmap/matrix.hpp"

#include "check.hpp"
#include "streaming_params.hpp"

namespace {

struct Params : PaddedWindow {
  static constexpr unsigned kPe = 2, kSimd = 1, kBlock = 4, kResults = 1, kDrainTrips = 4;
  static constexpr unsigned kWeightWords = 36, kChannelWords = 8;
  static constexpr unsigned kOperandBits = 25, kPackShift = 17, kCascadeTerms = 4;
};

int Value(int image, int channel, int y, int x) {
  if (y < 0 || y >= 5 || x < 0 || x >= 4) return 3;
  return (image * 50 + channel * 31 + y * 13 + x * 7) % 100 - 40;
}

int Weight(int out, int channel, int row, int column) {
  return (out * 17 + channel * 5 + row * 3 + column) % 13 - 6;
}

}  // namespace

int main() {
  const hwmap::Numbers numbers = {3, 0, 0, 0, 0, 0, 0, -128, 127};
  std::int8_t weights[36][2], channels[8][8] = {}, memory[2][14][1] = {};
  for (int pass = 0; pass < 2; ++pass) {
    for (int step = 0; step < 18; ++step) {
      for (int pe = 0; pe < 2; ++pe) {
        weights[pass * 18 + step][pe] = static_cast<std::int8_t>(
            Weight(pass * 2 + pe, step % 2, step / 6, step / 2 % 3));
      }
    }
    for (int i = 0; i < 4; ++i) {
      channels[pass * 4 + i][0] = static_cast<std::int8_t>(pass * 2 + i % 2);
      channels[pass * 4 + i][4] = 1;
      channels[pass * 4 + i][7] = 5;
    }
  }
  hwmap::Fifo<hwmap::Bytes<2>, 2> input;
  hwmap::Fifo<hwmap::Bytes<4>, 2> output;
  hwmap::Clock source, clock;
  for (int image = 0; image < 2; ++image) {
    for (int y = 0; y < 5; ++y) {
      for (int x = 0; x < 4; x += 2) {
        for (int channel = 0; channel < 2; ++channel) {
          hwmap::WriteFifo(input,
                           {{static_cast<std::int8_t>(Value(image, channel, y, x)),
                             static_cast<std::int8_t>(Value(image, channel, y, x + 1))}},
                           source);
        }
      }
    }
  }
  hwmap::RunMatrix<Params>(numbers, weights, channels, memory, input, output, 2, clock);
  CHECK(clock.now() == 2 * 360 + 130 + 4);
  hwmap::Clock sink;
  for (int image = 0; image < 2; ++image) {
    for (int y = 0; y < 5; ++y) {
      for (int x = 0; x < 4; x += 2) {
        for (int pass = 0; pass < 2; ++pass) {
          const hwmap::Bytes<4> word = hwmap::ReadFifo(output, sink);
          for (int i = 0; i < 4; ++i) {
            const int out = pass * 2 + i % 2;
            int sum = out;
            for (int tap = 0; tap < 18; ++tap) {
              sum += Value(image, tap % 2, y + tap / 6 - 1, x + i / 2 + tap / 2 % 3 - 1) *
                     Weight(out, tap % 2, tap / 6, tap / 2 % 3);
            }
            const auto requantize = hwmap::Requantize<24, 8>;
            CHECK(word.at[i] == requantize(sum, 1, 5, 0, -128, 127));
          }
        }
      }
    }
  }
}
