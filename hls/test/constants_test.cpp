#include "hwmap/constants.hpp"

#include "check.hpp"

struct Params {
  static constexpr unsigned kPe = 2;
  static constexpr unsigned kSimd = 4;
  static constexpr unsigned kRequantLanes = 1;
  static constexpr unsigned kBusBytes = 4;
  static constexpr unsigned kWeightWords = 3;
  static constexpr unsigned kChannelWords = 2;
};

int main() {
  using Fetcher = hwmap::Fetcher<Params>;
  static Fetcher::Weights weights;
  static Fetcher::Channels channels;
  hwmap::Stream<Fetcher::Word, 8> stream;
  hwmap::Clock clock;
  // One weight word (two bus words) to address 2, one channel (two bus words) to address 1.
  for (std::int8_t i = 0; i < 4; ++i) {
    const std::int8_t first = static_cast<std::int8_t>(4 * i);
    const Fetcher::Word word = {{first, static_cast<std::int8_t>(first + 1),
                                 static_cast<std::int8_t>(first + 2),
                                 static_cast<std::int8_t>(first + 3)}};
    hwmap::Write(stream, word, clock);
  }
  Fetcher fetcher(hwmap::Fetch{2, 1, 1, 1});
  unsigned iterations = 0;
  while (!fetcher.Done()) {
    fetcher.Advance(stream, weights, channels, clock);
    ++iterations;
  }
  fetcher.Advance(stream, weights, channels, clock);  // nothing left: reads nothing
  CHECK(iterations == 4);
  CHECK(stream.size() == 0);
  for (int i = 0; i < 8; ++i) CHECK(weights.Read(2).at[i] == i);
  for (int i = 0; i < 8; ++i) CHECK(channels.Read(1).at[i] == 8 + i);

  // Bias -2, multiplier 0x1ffff, shift 47, little-endian.
  const std::int8_t bytes[8] = {-2, -1, -1, -1, -1, -1, 1, 47};
  const hwmap::Channel channel = hwmap::UnpackChannel(bytes);
  CHECK(channel.bias == -2 && channel.multiplier == 0x1ffff && channel.shift == 47);
}
