#pragma once

// What the emitted project uses of Vitis HLS's hls_stream.h, with its template parameters
// (a type, and an int with default 0), so that the vendor's side of every #ifdef is compiled too.

#include <cstdlib>
#include <deque>

namespace hls {

template <typename T, int Depth = 0>
class stream {
 public:
  bool empty() const { return words_.empty(); }
  T read() {
    if (words_.empty()) std::abort();
    const T word = words_.front();
    words_.pop_front();
    return word;
  }
  void write(const T& word) { words_.push_back(word); }

 private:
  std::deque<T> words_;
};

}  // namespace hls
