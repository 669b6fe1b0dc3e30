#include "hwmap/clock.hpp"

#include "check.hpp"

int main() {
  hwmap::Clock clock;
  clock.Tick();
  clock.Skip(4);
  clock.WaitFor(3);
  CHECK(clock.now() == 5);
  clock.WaitFor(9);
  clock.Mark();
  CHECK(clock.now() == 9);
  CHECK(clock.marks().size() == 1 && clock.marks()[0] == 9);
  clock.Restart();
  clock.Skip(2);
  clock.Mark();
  CHECK(clock.marks().size() == 1 && clock.marks()[0] == 2);
}
