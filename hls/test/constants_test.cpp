#include "hwmap/constants.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kPe = 2;
  static constexpr unsigned kSimd = 4;
  static constexpr unsigned kBusBytes = 4;
  static constexpr unsigned kArenaLanes = 4;
  static constexpr unsigned kWeightWords = 3;
  static constexpr unsigned kChannelWords = 2;
};

void WordsGoWhereTheFetchSays() {
  static hwmap::WeightMemory<Params> weights;
  static hwmap::ChannelMemory<Params> channels;
  hwmap::Stream<hwmap::Bytes<4>, 8> stream;
  hwmap::Clock clock;
  // One weight word (two bus words) to address 2, one channel (two bus words) to address 1.
  std::vector<hwmap::Bytes<4>> dram;
  for (int i = 0; i < 16; i += 4) {
    const auto byte = [i](int at) { return static_cast<std::int8_t>(i + at); };
    dram.push_back({{byte(0), byte(1), byte(2), byte(3)}});
  }
  hwmap::ReadDram<Params>(dram.data(), 0, 4, stream, clock);
  hwmap::Fetcher<Params> fetcher(hwmap::Fetch{2, 1, 1, 1});
  unsigned iterations = 0;
  while (!fetcher.Done()) {
    fetcher.Advance(stream, weights, channels, clock);
    ++iterations;
  }
  fetcher.Advance(stream, weights, channels, clock);  // nothing left: reads nothing
  CHECK(iterations == 4);
  CHECK(stream.size() == 0);
  std::int8_t word[8], channel[8];
  hwmap::ReadConstant(weights, 2, word);
  hwmap::ReadConstant(channels, 1, channel);
  for (int i = 0; i < 8; ++i) CHECK(word[i] == i && channel[i] == 8 + i);
}

void AChannelIsUnpacked() {
  // Behind 3 other bytes: bias -2, multiplier 0x1ffff, shift 47, little-endian.
  const std::int8_t bytes[11] = {9, 9, 9, -2, -1, -1, -1, -1, -1, 1, 47};
  const hwmap::Channel channel = hwmap::UnpackChannel(bytes, 3);
  CHECK(channel.bias == -2 && channel.multiplier == 0x1ffff && channel.shift == 47);
}

void ABurstOfNothingTakesNoTime() {
  hwmap::Stream<hwmap::Bytes<4>, 8> stream;
  hwmap::Clock clock;
  hwmap::ReadDram<Params>(nullptr, 0, 0, stream, clock);
  CHECK(clock.now() == 0);
}

int main() {
  WordsGoWhereTheFetchSays();
  AChannelIsUnpacked();
  ABurstOfNothingTakesNoTime();
}
