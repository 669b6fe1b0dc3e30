#pragma once

// The words of a FIFO as a file, for the test bench of a single kernel.

#include <cstdio>
#include <fstream>
#include <string>

#include "hwmap/fifo.hpp"

namespace hwmap {

/// Where they are in the directory of a project.
inline std::string WordsFile(const std::string& directory, const char* name) {
  return directory + "/vectors/streams/" + name + ".bin";
}

#ifndef HWMAP_VITIS

/// Writes all words that ever went through a FIFO; the project is where the program runs.
template <unsigned N, int Depth>
void SaveWords(const char* name, const Fifo<Bytes<N>, Depth>& fifo) {
  std::ofstream file(WordsFile(".", name), std::ios::binary);
  for (const Bytes<N>& word : fifo.words()) {
    file.write(reinterpret_cast<const char*>(word.at), static_cast<std::streamsize>(N));
  }
  if (!file) std::fprintf(stderr, "%s: cannot be written\n", WordsFile(".", name).c_str());
}

#endif

/// Puts the words of a file into a FIFO; whether there are any.
template <unsigned N, int Depth>
bool FillFifo(const std::string& directory, const char* name, Fifo<Bytes<N>, Depth>& fifo) {
  Clock clock;
  std::ifstream file(WordsFile(directory, name), std::ios::binary);
  bool some = false;
  for (Bytes<N> word; file.read(reinterpret_cast<char*>(word.at), static_cast<std::streamsize>(N));
       some = true) {
    WriteFifo(fifo, word, clock);
  }
  if (!some) std::fprintf(stderr, "%s: has no words; make streams\n", WordsFile(directory, name).c_str());
  return some;
}

/// Takes all words out of a FIFO, and says whether they are those of a file.
template <unsigned N, int Depth>
bool SameWords(const std::string& directory, const char* name, Fifo<Bytes<N>, Depth>& fifo) {
  Clock clock;
  std::ifstream file(WordsFile(directory, name), std::ios::binary);
  std::size_t count = 0, wrong = 0;
  for (Bytes<N> word; file.read(reinterpret_cast<char*>(word.at), static_cast<std::streamsize>(N));
       ++count) {
    const Bytes<N> found = ReadFifo(fifo, clock);
    bool same = true;
    for (unsigned i = 0; i < N; ++i) same = same && found.at[i] == word.at[i];
    if (!same) ++wrong;
  }
  std::printf("%s: %zu words, %zu differ\n", name, count, wrong);
  if (count == 0 || file.gcount() != 0 || !fifo.empty()) {
    std::printf("%s: the file has fewer words, or a part of one; make streams\n", name);
    return false;
  }
  return wrong == 0;
}

}  // namespace hwmap
