#pragma once

// A FIFO between two processes, and the word it moves.

#include <cstdint>

#include "hwmap/clock.hpp"

// HWMAP_VITIS is set by vitis_hls.tcl, for the design and its testbench alike.
#ifdef HWMAP_VITIS
#include <ap_axi_sdata.h>
#include <hls_stream.h>
#else
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>
#endif

namespace hwmap {

/// N signed bytes that move together.
template <unsigned N>
struct Bytes {
  static_assert(N >= 1, "Bytes: a word holds at least one byte.");
  std::int8_t at[N];
};

/// A word on a port of the design; `last` is TLAST, the last word of a tensor: without it the DMA at
/// the other end never completes.
template <unsigned N>
struct Beat {
  Bytes<N> word;
  bool last;
};

#ifdef HWMAP_VITIS

/// A FIFO of `Depth` words.
template <typename T, int Depth, bool Timed = true>
using Stream = hls::stream<T, Depth>;

/// A port of the design: words of N bytes.
template <unsigned N>
using Port = hls::stream<ap_axiu<8 * N, 0, 0, 0>>;

template <typename T, int Depth>
T Read(hls::stream<T, Depth>& stream, Clock&) {
#pragma HLS INLINE
  return stream.read();
}

template <typename T, int Depth>
void Write(hls::stream<T, Depth>& stream, const T& word, Clock&) {
#pragma HLS INLINE
  stream.write(word);
}

/// Waits until there is a word to read.
template <typename T, int Depth>
void WaitForWord(hls::stream<T, Depth>& stream, Clock&) {
#pragma HLS INLINE
WaitForWord:
  while (stream.empty()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = 64
  }
}

template <unsigned N>
Beat<N> ReadPort(Port<N>& port, Clock&) {
#pragma HLS INLINE
  const ap_axiu<8 * N, 0, 0, 0> beat = port.read();
  Bytes<N> word;
#pragma HLS AGGREGATE variable = word
PortByte:
  for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
    word.at[i] = static_cast<std::int8_t>(beat.data.range(8 * i + 7, 8 * i).to_int());
  }
  return {word, beat.last == 1};
}

template <unsigned N>
void WritePort(Port<N>& port, const Bytes<N>& word, bool last, Clock&) {
#pragma HLS INLINE
  ap_axiu<8 * N, 0, 0, 0> beat;
PortByte:
  for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
    beat.data.range(8 * i + 7, 8 * i) = static_cast<std::uint8_t>(word.at[i]);
  }
  beat.keep = -1;
  beat.strb = -1;
  beat.last = last ? 1 : 0;
  port.write(beat);
}

#else

/// A FIFO of `Depth` words; 0 is a port of the design, whose other end is always ready.
///
/// The writing process runs first, as far as it can, and then the reading one. Compiled with
/// HWMAP_CYCLES, words carry time: one can be read on the cycle after it was written, and was
/// written only after the one `Depth` places before it had been read. A FIFO that is not `Timed` is
/// one whose reader never waits: its words are there before they are wanted.
template <typename T, int Depth, bool Timed = true>
class Stream {
 public:
  T Read(Clock& clock) {
    if (next_ == words_.size()) {
      std::fprintf(stderr, "read from an empty stream after %zu words\n", next_);
      std::abort();
    }
#ifdef HWMAP_CYCLES
    clock.WaitFor(NextReadable());
    last_write_ = NextReadable() - 1;
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

#ifdef HWMAP_CYCLES
  /// The first cycle on which the next word can be read. The writer ran ahead of the reader; what
  /// it would have waited for a full FIFO is added here.
  std::uint64_t NextReadable() const {
    if (!Timed) return 0;
    std::uint64_t written = written_[next_];
    if (next_ > 0) written = last_write_ + (written_[next_] - written_[next_ - 1]);
    if (kDepth != 0 && next_ >= kDepth && read_[next_ - kDepth] + 1 > written) {
      written = read_[next_ - kDepth] + 1;
    }
    return written + 1;
  }
#else
  std::uint64_t NextReadable() const { return 0; }
#endif

  /// Words that were written and not yet read.
  std::size_t size() const { return words_.size() - next_; }

 private:
  static_assert(Depth >= 0, "Stream: a depth is a number of words, or 0 for a port.");
  static constexpr std::size_t kDepth = Depth;
  std::vector<T> words_;
  std::size_t next_ = 0;
#ifdef HWMAP_CYCLES
  std::vector<std::uint64_t> written_;
  std::vector<std::uint64_t> read_;
  std::uint64_t last_write_ = 0;
#endif
};

template <typename T, int Depth, bool Timed>
T Read(Stream<T, Depth, Timed>& stream, Clock& clock) {
  return stream.Read(clock);
}

template <typename T, int Depth, bool Timed>
void Write(Stream<T, Depth, Timed>& stream, const T& word, Clock& clock) {
  stream.Write(word, clock);
}

template <typename T, int Depth, bool Timed>
void WaitForWord(Stream<T, Depth, Timed>& stream, Clock& clock) {
  clock.WaitFor(stream.NextReadable());
}

/// A port of the design: words of N bytes.
template <unsigned N>
using Port = Stream<Beat<N>, 0>;

template <unsigned N>
Beat<N> ReadPort(Port<N>& port, Clock& clock) {
  return port.Read(clock);
}

template <unsigned N>
void WritePort(Port<N>& port, const Bytes<N>& word, bool last, Clock& clock) {
  port.Write({word, last}, clock);
}

#endif

}  // namespace hwmap
