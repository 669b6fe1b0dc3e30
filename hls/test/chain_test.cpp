#include "hwmap/chain.hpp"

#include "check.hpp"

namespace {

void Send(hwmap::Chain& chain, std::uint32_t value) {
  hwmap::Clock clock;
  hwmap::ChainWord word;
  for (unsigned i = 0; i < 4; ++i) word.at[i] = static_cast<std::int8_t>(value >> (8 * i));
  hwmap::WriteFifo(chain, word, clock);
}

}  // namespace

int main() {
  hwmap::Chain chain, rest;
  for (int i = 0; i < 9; ++i) Send(chain, static_cast<std::uint32_t>(-i));
  // Two words of five bytes take two words of the chain each.
  for (std::uint32_t word : {0x04030201u, 0x00000005u, 0x0d0c0b0au, 0x000000feu}) Send(chain, word);
  for (std::uint32_t i = 0; i < 3; ++i) Send(chain, 7 + i);
  const hwmap::Numbers numbers = hwmap::LoadNumbers(chain);
  CHECK(numbers.first_zero == 0 && numbers.second_zero == -1 && numbers.high == -8);
  CHECK(numbers.shift == static_cast<std::uint32_t>(-5));
  std::int8_t memory[2][5];
  hwmap::LoadMemory(chain, memory);
  CHECK(memory[0][0] == 1 && memory[0][4] == 5);
  CHECK(memory[1][0] == 10 && memory[1][4] == -2);
  hwmap::PassOn(chain, rest, 3);
  hwmap::Clock clock;
  for (int i = 0; i < 3; ++i) CHECK(hwmap::Join(hwmap::ReadFifo(rest, clock)) == 7 + i);

  const hwmap::ChainWord dram[2] = {{{1, 0, 0, 0}}, {{2, 0, 0, 0}}};
  hwmap::Chain fed;
  hwmap::FeedChain(dram, 2, fed);
  CHECK(hwmap::Join(hwmap::ReadFifo(fed, clock)) == 1);
  CHECK(hwmap::Join(hwmap::ReadFifo(fed, clock)) == 2);
}
