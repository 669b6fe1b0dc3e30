#include "hwmap/memory.hpp"

#include "check.hpp"

int main() {
  const std::int8_t memory[3][2] = {{1, 2}, {3, 4}, {5, 6}};
  std::int8_t word[2];
  hwmap::ReadMemory(memory, 2, word);
  CHECK(word[0] == 5 && word[1] == 6);
  const hwmap::Bytes<2> packed = hwmap::PackWord(word);
  CHECK(packed.at[0] == 5 && packed.at[1] == 6);
}
