#include "hwmap/stream.hpp"

#include "check.hpp"

using hwmap::Bytes;
using hwmap::Clock;
using hwmap::Stream;
using Word = Bytes<1>;

// A writer that starts on cycle 10 and writes a word per cycle; a reader that is faster.
void AReaderWaitsForTheWriter() {
  Stream<Word, 4> stream;
  Clock writer, reader;
  writer.Skip(10);
  for (int i = 0; i < 3; ++i) {
    hwmap::Write(stream, Word{{static_cast<std::int8_t>(i)}}, writer);
    writer.Tick();
  }
  for (int i = 0; i < 3; ++i) {
    reader.Tick();
    CHECK(hwmap::Read(stream, reader).at[0] == i);
    CHECK(reader.now() == static_cast<std::uint64_t>(11 + i));
  }
}

// A FIFO of two words: the third is written when the first has been read.
void AFullFifoDelaysTheWriter() {
  Stream<Word, 2> stream;
  Clock writer, reader;
  for (int i = 0; i < 4; ++i) {
    hwmap::Write(stream, Word{}, writer);
    writer.Tick();
  }
  reader.Skip(100);
  hwmap::Read(stream, reader);
  CHECK(reader.now() == 100);
  reader.Tick();
  hwmap::Read(stream, reader);
  CHECK(reader.now() == 101);
  reader.Tick();
  hwmap::Read(stream, reader);  // written on cycle 101, one after the first read
  CHECK(reader.now() == 102);
}

void WaitingForAWordTakesNothing() {
  Stream<Word, 2> stream;
  Clock writer, reader;
  writer.Skip(7);
  hwmap::Write(stream, Word{{5}}, writer);
  hwmap::WaitForWord(stream, reader);
  CHECK(reader.now() == 8);
  CHECK(stream.size() == 1);
}

int main() {
  AReaderWaitsForTheWriter();
  AFullFifoDelaysTheWriter();
  WaitingForAWordTakesNothing();
}
