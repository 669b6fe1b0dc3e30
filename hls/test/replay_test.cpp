#include "hwmap/replay.hpp"

#include "check.hpp"
#include "hwmap/fifo.hpp"

namespace {

template <typename F>
void Words(F& fifo, unsigned count, unsigned write_every, unsigned read_every) {
  for (unsigned i = 0; i < count; ++i) {
    hwmap::Clock at;
    at.Skip(i * write_every);
    hwmap::WriteFifo(fifo, int(i), at);
  }
  for (unsigned i = 0; i < count; ++i) {
    hwmap::Clock at;
    at.Skip(i * read_every);
    hwmap::ReadFifo(fifo, at);
  }
}

}  // namespace

int main() {
  {
    // Written on cycles 3, 4, 5 ...; read a cycle later, every third cycle. Two places: from the
    // fourth word on the writer waits.
    hwmap::Fifo<int, 2> fifo;
    Words(fifo, 6, 1, 3);
    hwmap::Replay replay;
    replay.Kernel("fast", 3);
    replay.Kernel("slow", 1);
    replay.Stream("s", fifo, 0, 1);
    CHECK(replay.Run());
    const auto ends = replay.Ends(6);
    const std::uint64_t written[] = {3, 4, 5, 8, 11, 14};
    for (unsigned i = 0; i < 6; ++i) CHECK(ends[i][0] == written[i] && ends[i][1] == 4 + 3 * i);
  }
  {
    // One reader wants four words of one stream before the first of another, of which only two fit.
    hwmap::Fifo<int, 2> one, other;
    for (std::uint64_t i = 0; i < 4; ++i) {
      hwmap::Clock at;
      at.Skip(i);
      hwmap::WriteFifo(one, 0, at);
      hwmap::WriteFifo(other, 0, at);
      hwmap::ReadFifo(one, at);
      at.Skip(4);
      hwmap::ReadFifo(other, at);
    }
    hwmap::Replay replay;
    replay.Kernel("fork", 2);
    replay.Kernel("join", 2);
    replay.Stream("one", one, 0, 1);
    replay.Stream("other", other, 0, 1);
    CHECK(!replay.Run());
    CHECK(replay.Deadlock() ==
          "join waits to read one (empty); fork waits to write other (full); ");
  }
}
