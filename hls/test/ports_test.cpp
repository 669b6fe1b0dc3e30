#include "hwmap/ports.hpp"

#include "check.hpp"

namespace {

struct Params {
  static constexpr unsigned kTrips = 3, kBlock = 3, kPortBytes = 4;
};

}  // namespace

int main() {
  hwmap::Port<4> in, out;
  hwmap::Fifo<hwmap::Bytes<3>, 2> fifo;
  hwmap::Clock clock, none;
  for (int i = 0; i < 6; ++i) {
    hwmap::WritePort<4>(in, {{static_cast<std::int8_t>(i), 1, 2, 9}}, i % 3 == 2, none);
  }
  hwmap::RunSource<Params>(in, fifo, 2, clock);
  hwmap::RunSink<Params>(fifo, out, 2, clock);
  CHECK(clock.now() == 12);
  for (int i = 0; i < 6; ++i) {
    const hwmap::Beat<4> beat = hwmap::ReadPort<4>(out, none);
    CHECK(beat.word.at[0] == i && beat.word.at[2] == 2 && beat.word.at[3] == 0);
    CHECK(beat.last == (i == 5));
  }
}
