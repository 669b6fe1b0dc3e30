#include "hwmap/arena.hpp"

#include "check.hpp"

using Arena = hwmap::Arena<6, 4>;  // 16 bytes, and a row beyond either end

int main() {
  static Arena arena;
  for (std::int32_t address = 0; address < 16; ++address) {
    const hwmap::Bytes<1> byte = {{static_cast<std::int8_t>(address)}};
    arena.Write(address, byte, 1);
  }
  // Every unaligned read, with every range of valid bytes.
  for (std::int32_t begin = 0; begin <= 16; ++begin) {
    for (std::int32_t end = begin; end <= 16; ++end) {
      for (std::int32_t address = -9; address < 20; ++address) {
        const hwmap::Bytes<4> word = arena.Read(address, begin, end, -7);
        for (std::int32_t i = 0; i < 4; ++i) {
          const std::int32_t at = address + i;
          CHECK(word.at[i] == (at >= begin && at < end ? at : -7));
        }
      }
    }
  }
  // A write of fewer bytes than a row, across two rows, leaves its neighbours alone.
  arena.Write(6, hwmap::Bytes<4>{{50, 51, 52, 53}}, 3);
  const std::int8_t expected[] = {5, 50, 51, 52, 9};
  for (std::int32_t i = 0; i < 5; ++i) CHECK(arena.Read(5 + i, 0, 16, 0).at[0] == expected[i]);
}
