#pragma once

// What drives the loop of a kernel: counters and paces. All that a trip hands on to the next one is
// a small addition and a selection.

#include <cstdint>

#include "hwmap/integer.hpp"

namespace hwmap {

/// Counts 0, 1 ... N - 1, and again. Whether it is at its end is a register of its own.
template <unsigned N>
class Count {
 public:
  static_assert(N >= 1, "Count: there is at least one value.");

  std::uint32_t at() const { return static_cast<std::uint32_t>(at_); }
  bool last() const { return last_; }

  void Next() {
#pragma HLS INLINE
    const bool ends = N == 1 || (!last_ && static_cast<std::uint32_t>(at_) + 2 == N);
    const std::uint32_t next = last_ ? 0 : static_cast<std::uint32_t>(at_) + 1;
    at_ = next;
    last_ = ends;
  }

 private:
  UInt<BitsFor(N - 1)> at_ = 0;
  bool last_ = N == 1;
};

/// 0, Step, 2 Step ... beside a Count, which says when it begins again.
template <unsigned Step, unsigned Most>
class Offset {
 public:
  std::uint32_t at() const { return static_cast<std::uint32_t>(at_); }

  void Next(bool last) {
#pragma HLS INLINE
    const std::uint32_t next = last ? 0 : static_cast<std::uint32_t>(at_) + Step;
    at_ = next;
  }

 private:
  UInt<BitsFor(Most)> at_ = 0;
};

/// The trips of `images` images, of Trips each, and of what follows them: words arrive on those of
/// images, computation is Lead trips behind, and Drain trips more empty the kernel.
template <unsigned Trips, unsigned Lead = 0, unsigned Drain = 0>
class Run {
 public:
  explicit Run(std::uint32_t images)
      : images_(images), arriving_(images != 0), computing_(images != 0 && Lead == 0), more_(images != 0) {}

  bool more() const { return more_; }
  /// Of this image; behind all images it stays at 0.
  std::uint32_t trip() const { return trip_.at(); }
  /// Whether it is the last trip of the last image.
  bool finishing() const { return trip_.last() && images_ == 1; }
  bool arriving() const { return arriving_; }
  bool computing() const { return computing_; }

  void Next() {
#pragma HLS INLINE
    const bool image_ends = arriving_ && trip_.last();
    const bool last_ends = image_ends && images_ == 1;
    if (!started_) {
      started_ = lead_.last();
      computing_ = lead_.last();
      lead_.Next();
    }
    if (arriving_) {
      trip_.Next();
    } else {
      if (Lead > 0 && tail_.at() + 1 == Lead) computing_ = false;
      if (tail_.last()) more_ = false;
      tail_.Next();
    }
    if (image_ends) images_ = images_ - 1;
    if (last_ends) {
      arriving_ = false;
      if (Lead == 0) computing_ = false;
      if (Lead + Drain == 0) more_ = false;
    }
  }

 private:
  std::uint32_t images_;
  bool arriving_;
  bool computing_;
  bool more_;
  bool started_ = Lead == 0;
  Count<Trips> trip_;
  Count<Lead == 0 ? 1 : Lead> lead_;
  Count<Lead + Drain == 0 ? 1 : Lead + Drain> tail_;
};

/// `Events` trips out of `Trips`, evenly spread, the last one among them.
template <unsigned Events, unsigned Trips>
class Pace {
 public:
  static_assert(Events >= 1 && Events <= Trips, "Pace: at most one event per trip.");

  bool Next() {
#pragma HLS INLINE
    const std::int32_t left = static_cast<std::int32_t>(left_);
    const bool happens = left >= 0;
    const std::int32_t step = happens ? kEvents - kTrips : kEvents;
    left_ = left + step;
    return happens;
  }

 private:
  static constexpr std::int32_t kEvents = Events;
  static constexpr std::int32_t kTrips = Trips;
  SInt<BitsFor(Trips) + 1> left_ = kEvents - kTrips;
};

}  // namespace hwmap
