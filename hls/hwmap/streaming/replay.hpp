#pragma once

// The cycles of a design, from the trips on which the loops of its kernels read and wrote. A kernel
// is a pipeline of so many stages, with one trip per cycle:
//   - a trip enters on the first cycle after the trip before it on which all words that it reads are
//     there; a word is there on the cycle after it was written;
//   - it writes at the end of the pipeline; while a FIFO has no room, the whole kernel stands still.
//     There is room on the cycle after a word was read.

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace hwmap {

class Replay {
 public:
  /// Adds a kernel; gives its number.
  std::size_t Kernel(const char* name, unsigned stages) {
    kernels_.emplace_back();
    kernels_.back().name = name;
    kernels_.back().stages = stages;
    return kernels_.size() - 1;
  }

  template <typename F>
  void Stream(const char* name, const F& fifo, std::size_t writer, std::size_t reader) {
    streams_.emplace_back();
    Words& words = streams_.back();
    words.name = name;
    words.depth = F::depth();
    words.write_trips = fifo.written();
    words.read_trips = fifo.read();
    words.reader = reader;
    words.writer = writer;
    kernels_[writer].writes.push_back(streams_.size() - 1);
    kernels_[reader].reads.push_back(streams_.size() - 1);
  }

  /// Runs all kernels; false if they wait for one another for ever.
  bool Run() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (One& kernel : kernels_) moved = Advance(kernel) || moved;
    }
    for (const Words& words : streams_) {
      if (words.read_at.size() != words.read_trips.size()) return false;
    }
    return true;
  }

  /// Who waits for which stream.
  std::string Deadlock() const {
    std::string text;
    for (const Words& words : streams_) {
      const std::size_t inside = words.written_at.size() - words.read_at.size();
      if (inside == 0 && words.read_at.size() < words.read_trips.size()) {
        text += kernels_[words.reader].name + " waits to read " + words.name + " (empty); ";
      } else if (inside >= words.depth) {
        text += kernels_[words.writer].name + " waits to write " + words.name + " (full); ";
      }
    }
    return text;
  }

  /// The cycle of the last word that each kernel wrote (a kernel without outputs: read) of each of
  /// the images: [image][kernel].
  std::vector<std::vector<std::uint64_t>> Ends(std::size_t images) const {
    std::vector<std::vector<std::uint64_t>> ends(images);
    for (std::size_t image = 0; image < images; ++image) {
      for (const One& kernel : kernels_) {
        const bool writes = !kernel.writes.empty();
        const Words& words = streams_[writes ? kernel.writes[0] : kernel.reads[0]];
        const std::vector<std::uint64_t>& at = writes ? words.written_at : words.read_at;
        ends[image].push_back(at[at.size() / images * (image + 1) - 1]);
      }
    }
    return ends;
  }

 private:
  struct Words {
    std::string name;
    std::size_t depth = 0, writer = 0, reader = 0;
    std::vector<std::uint64_t> write_trips, read_trips, written_at, read_at;
  };

  /// A write under way, in time that stands still with the kernel.
  struct Write {
    std::uint64_t trip, at;
  };
  struct Pause {
    std::uint64_t at, cycles;
  };

  struct One {
    std::string name;
    unsigned stages = 0;
    std::vector<std::size_t> reads, writes;
    bool begun = false;
    std::uint64_t trip = 0, entered = 0;  ///< of the last trip, in the kernel's own time
    std::uint64_t paused = 0;             ///< cycles of all pauses that this trip has seen
    std::uint64_t all_paused = 0;
    std::deque<Write> under_way;
    std::deque<Pause> ahead;  ///< pauses later than the last trip
  };

  /// Writes what is under way, as far as it is known when there is room.
  bool Settle(One& kernel) {
    bool moved = false;
    while (!kernel.under_way.empty()) {
      const Write write = kernel.under_way.front();
      std::uint64_t at = write.at + kernel.all_paused;
      for (const std::size_t stream : kernel.writes) {
        const Words& words = streams_[stream];
        const std::size_t next = words.written_at.size();
        if (next == words.write_trips.size() || words.write_trips[next] != write.trip) continue;
        if (next < words.depth) continue;
        if (words.read_at.size() <= next - words.depth) return moved;
        const std::uint64_t room = words.read_at[next - words.depth] + 1;
        if (room > at) at = room;
      }
      for (const std::size_t stream : kernel.writes) {
        Words& words = streams_[stream];
        const std::size_t next = words.written_at.size();
        if (next == words.write_trips.size() || words.write_trips[next] != write.trip) continue;
        words.written_at.push_back(at);
      }
      const std::uint64_t pause = at - write.at - kernel.all_paused;
      kernel.all_paused += pause;
      kernel.ahead.push_back({write.at, pause});
      kernel.under_way.pop_front();
      moved = true;
    }
    return moved;
  }

  bool Advance(One& kernel) {
    bool moved = false;
    while (true) {
      moved = Settle(kernel) || moved;
      std::uint64_t trip = 0;
      if (!NextTrip(kernel, trip)) return moved;
      std::uint64_t there = 0;
      bool writes = false;
      for (const std::size_t stream : kernel.reads) {
        const Words& words = streams_[stream];
        const std::size_t next = words.read_at.size();
        if (next == words.read_trips.size() || words.read_trips[next] != trip) continue;
        if (next >= words.written_at.size()) return moved;
        if (words.written_at[next] + 1 > there) there = words.written_at[next] + 1;
      }
      for (const std::size_t stream : kernel.writes) writes = writes || Pending(kernel, stream) == trip;
      // The first moment of the kernel's own time on which the trip can enter.
      std::uint64_t at = kernel.begun ? kernel.entered + (trip - kernel.trip) : trip;
      std::uint64_t paused = kernel.paused;
      std::size_t passed = 0;
      while (true) {
        std::uint64_t target = at;
        if (target + paused < there) target = there - paused;
        if (passed < kernel.ahead.size() && kernel.ahead[passed].at <= target) {
          if (kernel.ahead[passed].at > at) at = kernel.ahead[passed].at;
          paused += kernel.ahead[passed++].cycles;
          continue;
        }
        if (passed == kernel.ahead.size() && !kernel.under_way.empty() &&
            kernel.under_way.front().at <= target) {
          return moved;
        }
        at = target;
        break;
      }
      kernel.ahead.erase(kernel.ahead.begin(), kernel.ahead.begin() + static_cast<long>(passed));
      kernel.paused = paused;
      kernel.entered = at;
      kernel.trip = trip;
      kernel.begun = true;
      moved = true;
      for (const std::size_t stream : kernel.reads) {
        Words& words = streams_[stream];
        const std::size_t next = words.read_at.size();
        if (next < words.read_trips.size() && words.read_trips[next] == trip) {
          words.read_at.push_back(at + paused);
        }
      }
      if (writes) {
        kernel.under_way.push_back({trip, at + kernel.stages});
        for (const std::size_t stream : kernel.writes) {
          if (Pending(kernel, stream) == trip) ++issued_[stream];
        }
      }
    }
  }

  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  /// The trip of the next word of a stream that has not entered the pipeline.
  std::uint64_t Pending(const One&, std::size_t stream) {
    if (issued_.size() < streams_.size()) issued_.resize(streams_.size(), 0);
    const Words& words = streams_[stream];
    const std::size_t next = issued_[stream];
    return next < words.write_trips.size() ? words.write_trips[next] : kNever;
  }

  bool NextTrip(const One& kernel, std::uint64_t& trip) {
    trip = kNever;
    for (const std::size_t stream : kernel.reads) {
      const Words& words = streams_[stream];
      const std::size_t next = words.read_at.size();
      if (next < words.read_trips.size() && words.read_trips[next] < trip) {
        trip = words.read_trips[next];
      }
    }
    for (const std::size_t stream : kernel.writes) {
      if (Pending(kernel, stream) < trip) trip = Pending(kernel, stream);
    }
    return trip != kNever;
  }

  std::vector<One> kernels_;
  std::vector<Words> streams_;
  std::vector<std::size_t> issued_;
};

}  // namespace hwmap

#endif
