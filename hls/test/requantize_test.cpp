#include "hwmap/requantize.hpp"

#include "check.hpp"

int main() {
  using hwmap::Requantize;
  // Halves go to the even integer, whatever the zero point.
  CHECK(Requantize(1, 1, 1, 0, -128, 127) == 0);
  CHECK(Requantize(3, 1, 1, 0, -128, 127) == 2);
  CHECK(Requantize(5, 3, 1, 1, -128, 127) == 9);
  CHECK(Requantize(-1, 1, 1, 0, -128, 127) == 0);
  CHECK(Requantize(-3, 1, 1, 0, -128, 127) == -2);
  CHECK(Requantize(7, 3, 0, -1, -128, 127) == 20);
  // The zero point comes before the clamp.
  CHECK(Requantize(100, 1, 0, 100, -128, 127) == 127);
  CHECK(Requantize(-100, 1, 0, 10, -20, 127) == -20);
  CHECK(hwmap::Signed<18>(-131072) == -131072 && hwmap::Signed<18>(131071) == 131071);
  CHECK(hwmap::Signed<18>(-1) == -1 && hwmap::Unsigned<17>(131071) == 131071);
  // The largest product of the format is exact.
  CHECK(Requantize(INT32_MIN, (1u << 17) - 1, 47, 0, -128, 127) == -2);
}
