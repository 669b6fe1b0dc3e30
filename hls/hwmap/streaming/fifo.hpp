#pragma once

// A FIFO between two kernels. Compiled with HWMAP_CYCLES, it remembers the trips on which the loops
// of its two kernels wrote and read; replay.hpp finds the cycles.

#include <cstdint>

#include "hwmap/clock.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

#ifdef HWMAP_VITIS

template <typename T, int Depth>
using Fifo = hls::stream<T, Depth>;

template <typename T, int Depth>
T ReadFifo(Fifo<T, Depth>& fifo, Clock&) {
#pragma HLS INLINE
  return fifo.read();
}

template <typename T, int Depth>
void WriteFifo(Fifo<T, Depth>& fifo, const T& word, Clock&) {
#pragma HLS INLINE
  fifo.write(word);
}

#else

/// The kernels run one after the other, each to its end: on the host, a FIFO holds any number of
/// words.
template <typename T, int Depth>
class Fifo {
 public:
  static_assert(Depth >= 1, "Fifo: it holds at least one word.");

  T Read(Clock& clock) {
    if (next_ == words_.size()) {
      std::fprintf(stderr, "read from an empty FIFO after %zu words\n", next_);
      std::abort();
    }
#ifdef HWMAP_CYCLES
    read_.push_back(clock.now());
#else
    (void)clock;
#endif
    return words_[next_++];
  }

  void Write(const T& word, Clock& clock) {
    words_.push_back(word);
#ifdef HWMAP_CYCLES
    written_.push_back(clock.now());
#else
    (void)clock;
#endif
  }

  bool empty() const { return next_ == words_.size(); }
  const std::vector<T>& words() const { return words_; }
#ifdef HWMAP_CYCLES
  const std::vector<std::uint64_t>& read() const { return read_; }
  const std::vector<std::uint64_t>& written() const { return written_; }
#endif
  static constexpr std::size_t depth() { return Depth; }

 private:
  std::vector<T> words_;
  std::size_t next_ = 0;
#ifdef HWMAP_CYCLES
  std::vector<std::uint64_t> written_;
  std::vector<std::uint64_t> read_;
#endif
};

template <typename T, int Depth>
T ReadFifo(Fifo<T, Depth>& fifo, Clock& clock) {
  return fifo.Read(clock);
}

template <typename T, int Depth>
void WriteFifo(Fifo<T, Depth>& fifo, const T& word, Clock& clock) {
  fifo.Write(word, clock);
}

#endif

}  // namespace hwmap
