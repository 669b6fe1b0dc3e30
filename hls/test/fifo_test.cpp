#include "hwmap/fifo.hpp"

#include "check.hpp"

int main() {
  hwmap::Fifo<int, 2> fifo;
  hwmap::Clock writer, reader;
  for (int i = 0; i < 5; ++i) {
    writer.Skip(3);
    hwmap::WriteFifo(fifo, i * i, writer);
  }
  for (int i = 0; i < 5; ++i) {
    CHECK(hwmap::ReadFifo(fifo, reader) == i * i);
    reader.Tick();
  }
  // The trips of both ends are kept for the replay.
  CHECK(fifo.depth() == 2);
  CHECK(fifo.written().size() == 5 && fifo.written()[4] == 15);
  CHECK(fifo.read().size() == 5 && fifo.read()[4] == 4);
}
