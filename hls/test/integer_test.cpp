#include "hwmap/integer.hpp"

#include "check.hpp"

int main() {
  static_assert(hwmap::BitsFor(0) == 1 && hwmap::BitsFor(1) == 1, "one bit at least");
  static_assert(hwmap::BitsFor(7) == 3 && hwmap::BitsFor(8) == 4, "as many as it needs");
  static_assert(sizeof(hwmap::SInt<8>) == 1 && sizeof(hwmap::UInt<9>) == 2, "the narrowest");
  static_assert(sizeof(hwmap::SInt<17>) == 4 && sizeof(hwmap::UInt<33>) == 8, "the narrowest");
  CHECK(hwmap::LowUnsigned<17>(131071) == 131071 && hwmap::LowUnsigned<4>(0x1f) == 0xf);
  CHECK(hwmap::LowSigned<18>(-131072) == -131072 && hwmap::LowSigned<18>(131071) == 131071);
  CHECK(hwmap::LowSigned<18>(-1) == -1 && hwmap::LowSigned<4>(8) == -8);
  CHECK(hwmap::Select(true, 1, 2) == 1 && hwmap::Select(false, 1, 2) == 2);
}
