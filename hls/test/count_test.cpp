#include "hwmap/count.hpp"

#include "check.hpp"

template <unsigned N>
void CheckCount() {
  hwmap::Count<N> count;
  for (unsigned i = 0; i < 3 * N; ++i) {
    CHECK(count.at() == i % N);
    CHECK(count.last() == (i % N == N - 1));
    count.Next();
  }
}

template <unsigned Events, unsigned Trips>
void CheckPace() {
  hwmap::Pace<Events, Trips> pace;
  unsigned happened = 0;
  for (unsigned trip = 0; trip < 3 * Trips; ++trip) {
    if (pace.Next()) ++happened;
    // As many as their share of the trips, rounded down: the last one on the last trip.
    CHECK(happened == (trip + 1) * Events / Trips);
  }
}

template <unsigned Trips, unsigned Lead, unsigned Drain>
void CheckRun(unsigned images) {
  unsigned trip = 0;
  for (hwmap::Run<Trips, Lead, Drain> run(images); run.more(); run.Next()) {
    CHECK(run.arriving() == (trip < images * Trips));
    CHECK(run.finishing() == (trip + 1 == images * Trips));
    CHECK(run.trip() == (run.arriving() ? trip % Trips : 0));
    CHECK(run.computing() == (trip >= Lead && trip < images * Trips + Lead));
    ++trip;
  }
  CHECK(trip == (images == 0 ? 0 : images * Trips + Lead + Drain));
}

int main() {
  for (unsigned images = 0; images < 4; ++images) {
    CheckRun<1, 0, 0>(images);
    CheckRun<5, 0, 0>(images);
    CheckRun<5, 0, 3>(images);
    CheckRun<5, 2, 0>(images);
    CheckRun<5, 5, 1>(images);
    CheckRun<5, 12, 7>(images);
  }
  CheckCount<1>();
  CheckCount<2>();
  CheckCount<3>();
  CheckCount<17>();
  CheckPace<1, 1>();
  CheckPace<1, 7>();
  CheckPace<5, 7>();
  CheckPace<7, 7>();
  CheckPace<20, 360>();
  hwmap::Offset<5, 10> offset;
  for (unsigned i = 0; i < 9; ++i) {
    CHECK(offset.at() == i % 3 * 5);
    offset.Next(i % 3 == 2);
  }
}
