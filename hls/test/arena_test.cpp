#include "hwmap/arena.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kArenaRows = 6;  // 16 bytes, and a row beyond either end
  static constexpr unsigned kArenaLanes = 4;
};

int main() {
  static hwmap::ArenaMemory<Params> arena;
  for (std::uint32_t address = 0; address < 16; ++address) {
    const std::int8_t byte[1] = {static_cast<std::int8_t>(address)};
    hwmap::WriteArena<Params>(arena, 4 + address, byte, 1);
  }
  // Every unaligned read, with every range of lanes.
  for (std::uint32_t first = 1; first < 20; ++first) {
    for (std::uint32_t low = 0; low <= 4; ++low) {
      for (std::uint32_t high = 0; high <= 4; ++high) {
        std::int8_t bytes[4];
        hwmap::ReadArena<Params>(arena, first / 4, first % 4, low, high, -7, bytes);
        for (std::uint32_t i = 0; i < 4; ++i) {
          const std::uint32_t at = first + i;
          const int held = at >= 4 && at < 20 ? static_cast<int>(at) - 4 : 0;
          CHECK(bytes[i] == (i >= low && i < high ? held : -7));
        }
      }
    }
  }
  // A write of fewer bytes than a row, across two rows, leaves its neighbours alone.
  const std::int8_t written[4] = {50, 51, 52, 53};
  hwmap::WriteArena<Params>(arena, 4 + 6, written, 3);
  const std::int8_t expected[] = {5, 50, 51, 52, 9};
  for (std::uint32_t i = 0; i < 5; ++i) {
    std::int8_t bytes[4];
    hwmap::ReadArena<Params>(arena, (9 + i) / 4, (9 + i) % 4, 0, 4, 0, bytes);
    CHECK(bytes[0] == expected[i]);
  }
}
