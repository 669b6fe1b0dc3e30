#include "hwmap/words.hpp"

#include <cstdlib>

#include "check.hpp"

int main() {
  using Fifo = hwmap::Fifo<hwmap::Bytes<3>, 2>;
  CHECK(std::system("mkdir -p vectors/streams") == 0);
  hwmap::Clock clock;
  Fifo first, second, third;
  for (int i = 0; i < 5; ++i) {
    const auto value = static_cast<std::int8_t>(i);
    hwmap::WriteFifo(first, {{value, 2, -3}}, clock);
  }
  hwmap::SaveWords("a", first);
  CHECK(hwmap::FillFifo(".", "a", second) && hwmap::FillFifo(".", "a", third));
  CHECK(hwmap::SameWords(".", "a", second));
  // One word later nothing is the same.
  hwmap::WriteFifo(third, {{5, 2, -3}}, clock);
  hwmap::ReadFifo(third, clock);
  CHECK(!hwmap::SameWords(".", "a", third));
  CHECK(!hwmap::FillFifo(".", "not there", third));
  // One word more or less, and no file.
  Fifo more, less, none;
  CHECK(hwmap::FillFifo(".", "a", more) && hwmap::FillFifo(".", "a", less));
  hwmap::WriteFifo(more, {{5, 2, -3}}, clock);
  CHECK(!hwmap::SameWords(".", "a", more));
  CHECK(!hwmap::SameWords(".", "not there", none));
  CHECK(std::system("head -c 4 vectors/streams/a.bin > vectors/streams/b.bin") == 0);
  CHECK(!hwmap::SameWords(".", "b", less));
}
