#include "hwmap/arena.hpp"

#include "check.hpp"
#include "sequential_params.hpp"

struct Params : SmallestParams {
  static constexpr unsigned kArenaRows = 6;  // 16 words, and a row beyond either end
  static constexpr unsigned kBanks = 4;
};

int main() {
  static hwmap::ArenaMemory<Params> arena;
  for (std::uint32_t at = 4; at < 20; ++at) {
    std::int8_t word[8];
    for (int i = 0; i < 8; ++i) word[i] = static_cast<std::int8_t>(4 * at + i);
    hwmap::WriteArena<Params>(arena, at / 4, at % 4, word, 1);
  }
  // Every unaligned read, with every range of words.
  for (std::uint32_t first = 1; first < 20; ++first) {
    for (std::uint32_t low = 0; low <= 4; ++low) {
      for (std::uint32_t high = 0; high <= 4; ++high) {
        std::uint64_t words[4];
        hwmap::ReadArena<Params>(arena, first / 4, first % 4, low, high, -7, words);
        for (std::uint32_t i = 0; i < 4; ++i) {
          const std::uint32_t at = first + i;
          const int held = at >= 4 && at < 20 ? static_cast<int>(4 * at) : 0;
          for (unsigned j = 0; j < 8; ++j) {
            const int byte = at >= 4 && at < 20 ? held + static_cast<int>(j) : 0;
            CHECK(hwmap::ByteOf(words[i], j) == (i >= low && i < high ? static_cast<std::int8_t>(byte) : -7));
          }
        }
      }
    }
  }
  // A write of fewer words than it could, across two rows, leaves its neighbours alone.
  std::int8_t written[24];
  for (int i = 0; i < 24; ++i) written[i] = static_cast<std::int8_t>(100 + i);
  hwmap::WriteArena<Params>(arena, 2, 3, written, 2);
  const std::int8_t expected[] = {40, 100, 108, 52};
  for (std::uint32_t i = 0; i < 4; ++i) {
    std::uint64_t words[4];
    hwmap::ReadArena<Params>(arena, (10 + i) / 4, (10 + i) % 4, 0, 4, 0, words);
    CHECK(hwmap::ByteOf(words[0], 0) == expected[i]);
  }
}
