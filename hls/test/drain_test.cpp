#include "hwmap/drain.hpp"

#include "check.hpp"

namespace {

struct Params {
  static constexpr unsigned kBlock = 5, kResults = 2, kDrainTrips = 3;
  static constexpr unsigned kSumBits = 20, kMostShift = 4;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
};

}  // namespace

int main() {
  const hwmap::Numbers numbers = {0, 0, 0, 0, 0, 0, 1, -128, 127};
  std::int32_t complete[5] = {10, 20, 30, 40, 50};
  std::int8_t word[5] = {};
  bool draining = true;
  hwmap::Count<3> part;
  // Bias 2 * i, times 1, half of it, plus the zero point.
  for (int trip = 0; trip < 3; ++trip) {
    CHECK(draining);
    std::int8_t constants[16] = {};
    for (int i = 0; i < 2; ++i) {
      constants[8 * i] = static_cast<std::int8_t>(2 * (2 * trip + i));
      constants[8 * i + 4] = 1;
      constants[8 * i + 7] = 1;
    }
    const bool finished =
        hwmap::DrainResults<Params>(numbers, constants, draining, part, complete, word);
    CHECK(finished == (trip == 2));
  }
  CHECK(!draining);
  for (int i = 0; i < 5; ++i) CHECK(word[i] == (10 * (i + 1) + 2 * i) / 2 + 1);
}
