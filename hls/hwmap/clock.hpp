#pragma once

// Counts the cycles in which hardware would run, when compiled with HWMAP_CYCLES. In Vitis HLS, and
// in a plain C simulation, every function here is empty.

#include <cstdint>
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
#include <vector>
#endif

namespace hwmap {

/// The clock of one process. A pipelined loop calls Tick once per iteration; what a loop costs
/// besides its iterations is added with Skip.
class Clock {
 public:
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
  void Tick() { ++now_; }
  void Skip(std::uint64_t cycles) { now_ += cycles; }
  /// Waits, if it is not yet so late, for something that happens on `cycle`.
  void WaitFor(std::uint64_t cycle) {
    if (cycle > now_) now_ = cycle;
  }
  /// Begins an image: forgets the marks, and counts those to come from the present cycle.
  void Restart() {
    start_ = now_;
    marks_.clear();
  }
  /// Remembers the present cycle: the end of a step.
  void Mark() { marks_.push_back(now_ - start_); }
  std::uint64_t now() const { return now_; }
  const std::vector<std::uint64_t>& marks() const { return marks_; }

 private:
  std::uint64_t now_ = 0;
  std::uint64_t start_ = 0;
  std::vector<std::uint64_t> marks_;
#else
  void Tick() {}
  void Skip(std::uint64_t) {}
  void WaitFor(std::uint64_t) {}
  void Restart() {}
  void Mark() {}
  std::uint64_t now() const { return 0; }
#endif
};

}  // namespace hwmap
