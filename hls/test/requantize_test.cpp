#include "hwmap/requantize.hpp"

#include "check.hpp"

int main() {
  const auto requantize = hwmap::Requantize<32, 47>;
  // Halves go to the even integer, whatever the zero point.
  CHECK(requantize(1, 1, 1, 0, -128, 127) == 0);
  CHECK(requantize(3, 1, 1, 0, -128, 127) == 2);
  CHECK(requantize(5, 3, 1, 1, -128, 127) == 9);
  CHECK(requantize(-1, 1, 1, 0, -128, 127) == 0);
  CHECK(requantize(-3, 1, 1, 0, -128, 127) == -2);
  CHECK(requantize(7, 3, 0, -1, -128, 127) == 20);
  // The zero point comes before the clamp.
  CHECK(requantize(100, 1, 0, 100, -128, 127) == 127);
  CHECK(requantize(-100, 1, 0, 10, -20, 127) == -20);
  // The largest product of the format is exact, and what is far outside is clamped.
  CHECK(requantize(INT32_MIN, (1u << 17) - 1, 47, 0, -128, 127) == -2);
  CHECK(requantize(INT32_MIN, (1u << 17) - 1, 0, 127, -128, 127) == -128);
  CHECK(requantize(INT32_MAX, (1u << 17) - 1, 0, -128, -128, 127) == 127);
  // A datapath that is just as wide as its values gives the same.
  const auto narrow = hwmap::Requantize<12, 9>;
  const auto shifted = hwmap::Requantize<12, 9, 3>;
  for (std::int32_t sum = -2048; sum < 2048; ++sum) {
    for (std::uint32_t shift = 0; shift <= 9; ++shift) {
      CHECK(narrow(sum, 77, shift, 3, -100, 90) == requantize(sum, 77, shift, 3, -100, 90));
      CHECK(shifted(sum, 0, shift, 3, -100, 90) == requantize(sum, 8, shift, 3, -100, 90));
    }
  }
}
