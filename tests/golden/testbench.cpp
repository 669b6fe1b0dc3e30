// Runs a program on the images in its vectors/ and compares every value.
//
//   testbench [directory with program.bin, ports.txt and vectors/] ...
//
// one program after the other, if there are several directories: all of them lie in one memory.
// Writes vectors/outputs.bin and,
// compiled with HWMAP_CYCLES, vectors/step_ends.txt: the cycle on which each step ended, a line per
// image.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "hwmap/program.hpp"
#include "top.hpp"

namespace {

using hwmap::Clock;
using hwmap::Params;
using hwmap::Word;
using Port = hwmap::Port<Params::kBusBytes>;

constexpr unsigned kWordBytes = 8;

/// A tensor that goes through a port: rows of pixels, whose channels are runs that begin with words;
/// or several pixels share a word of the bus.
struct Tensor {
  bool output;
  std::size_t height, width, packed_pixels;
  std::vector<std::size_t> runs;

  std::size_t Channels() const {
    std::size_t sum = 0;
    for (const std::size_t run : runs) sum += run;
    return sum;
  }
  std::size_t Bytes() const { return height * width * Channels(); }
};

/// The ports of a program, how many images are run in one start, and the bytes of rows in DRAM.
struct Ports {
  std::vector<Tensor> tensors;
  std::size_t images_per_start = 1;
  std::size_t spilled_bytes = 0;

  std::size_t ImageBytes(bool output) const {
    std::size_t sum = 0;
    for (const Tensor& tensor : tensors) sum += tensor.output == output ? tensor.Bytes() : 0;
    return sum;
  }
};

bool ReadFile(const std::string& path, std::vector<char>& bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return true;
}

bool ReadPorts(const std::string& path, Ports& ports) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream text(line);
    std::string kind;
    text >> kind;
    if (kind == "start") {
      text >> ports.images_per_start;
    } else if (kind == "spilled") {
      text >> ports.spilled_bytes;
    } else if (kind == "input" || kind == "output") {
      Tensor tensor = {kind == "output", 0, 0, 0, {}};
      text >> tensor.height >> tensor.width >> tensor.packed_pixels;
      for (std::size_t run; text >> run;) tensor.runs.push_back(run);
      ports.tensors.push_back(tensor);
    }
  }
  if (ports.tensors.empty()) std::fprintf(stderr, "%s: names no tensors\n", path.c_str());
  return !ports.tensors.empty();
}

/// Fills the last word up with zeros.
void FillUp(std::size_t size, std::vector<char>& bytes) {
  bytes.resize((bytes.size() + size - 1) / size * size);
}

/// Sends the bytes of a tensor, row after row; what is no channel is 0.
const char* Send(const char* bytes, const Tensor& tensor, Port& port) {
  Clock clock;
  for (std::size_t row = 0; row < tensor.height; ++row) {
    std::vector<char> words;
    for (std::size_t column = 0; column < tensor.width; ++column) {
      for (const std::size_t run : tensor.runs) {
        words.insert(words.end(), bytes, bytes + run);
        bytes += run;
        if (tensor.packed_pixels == 0) FillUp(kWordBytes, words);
      }
      if (tensor.packed_pixels != 0 && (column + 1) % tensor.packed_pixels == 0) {
        FillUp(Params::kBusBytes, words);
      }
    }
    FillUp(Params::kBusBytes, words);
    for (std::size_t at = 0; at < words.size(); at += Params::kBusBytes) {
      Word word;
      std::memcpy(word.at, &words[at], Params::kBusBytes);
      const bool last = row + 1 == tensor.height && at + Params::kBusBytes == words.size();
      hwmap::WritePort<Params::kBusBytes>(port, word, last, clock);
    }
  }
  return bytes;
}

/// Takes the bytes of a tensor; whether TLAST came with its last word, and with no other.
bool Receive(Port& port, const Tensor& tensor, std::vector<char>& bytes) {
  Clock clock;
  std::size_t pixel_words = 0;
  for (const std::size_t run : tensor.runs) pixel_words += (run + kWordBytes - 1) / kWordBytes;
  const std::size_t row_bytes = tensor.width * pixel_words * kWordBytes;
  for (std::size_t row = 0; row < tensor.height; ++row) {
    std::vector<char> words;
    while (words.size() < row_bytes) {
      const hwmap::Beat<Params::kBusBytes> beat = hwmap::ReadPort<Params::kBusBytes>(port, clock);
      words.insert(words.end(), beat.word.at, beat.word.at + Params::kBusBytes);
      if (beat.last != (row + 1 == tensor.height && words.size() >= row_bytes)) return false;
    }
    const char* from = words.data();
    for (std::size_t column = 0; column < tensor.width; ++column) {
      for (const std::size_t run : tensor.runs) {
        bytes.insert(bytes.end(), from, from + run);
        from += (run + kWordBytes - 1) / kWordBytes * kWordBytes;
      }
    }
  }
  return true;
}

/// Puts the program of a directory behind those that are in the memory.
bool Load(const std::string& directory, std::vector<Word>& dram) {
  std::vector<char> program;
  if (!ReadFile(directory + "/program.bin", program)) return false;
  std::int8_t first[hwmap::kHeaderBytes] = {};
  std::memcpy(first, program.data(), program.size() < sizeof first ? program.size() : sizeof first);
  const hwmap::Header header = hwmap::ParseHeader(first);
  if (header.magic != Params::kMagic || header.signature != Params::kSignature) {
    std::fprintf(stderr, "%s/program.bin: not a program of this engine\n", directory.c_str());
    return false;
  }
  const std::size_t start = dram.size();
  dram.resize(start + program.size() / Params::kBusBytes + 1);
  for (std::size_t i = 0; i < program.size(); ++i) {
    dram[start + i / Params::kBusBytes].at[i % Params::kBusBytes] =
        static_cast<std::int8_t>(program[i]);
  }
  return true;
}

/// Runs the program that begins at `program` on the images of its directory.
int Run(const std::string& directory, const Word* program) {
  std::vector<char> inputs, expected, outputs;
  Ports ports;
  if (!ReadPorts(directory + "/ports.txt", ports) ||
      !ReadFile(directory + "/vectors/inputs.bin", inputs) ||
      !ReadFile(directory + "/vectors/expected.bin", expected)) {
    return 2;
  }
  Port input, output;
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
  std::ofstream step_ends(directory + "/vectors/step_ends.txt");
#endif
  const std::size_t images = inputs.size() / ports.ImageBytes(false);
  const char* next = inputs.data();
  for (std::size_t begun = 0; begun < images; begun += ports.images_per_start) {
    const std::size_t left = images - begun;
    const std::size_t count = left < ports.images_per_start ? left : ports.images_per_start;
    for (std::size_t image = 0; image < count; ++image) {
      for (const Tensor& tensor : ports.tensors) {
        if (!tensor.output) next = Send(next, tensor, input);
      }
    }
    hwmap_top(program, input, output,
        static_cast<std::uint32_t>(count));
    for (std::size_t image = 0; image < count; ++image) {
      for (const Tensor& tensor : ports.tensors) {
        if (tensor.output && !Receive(output, tensor, outputs)) {
          std::fprintf(stderr, "TLAST is not on the last word of an output\n");
          return 1;
        }
      }
    }
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
    for (const std::vector<std::uint64_t>& ends : LastStepEnds()) {
      for (const std::uint64_t cycle : ends) step_ends << cycle << ' ';
      step_ends << '\n';
    }
#endif
  }
  std::ofstream(directory + "/vectors/outputs.bin", std::ios::binary)
      .write(outputs.data(), static_cast<std::streamsize>(outputs.size()));

  std::size_t wrong = outputs.size() == expected.size() ? 0 : expected.size();
  for (std::size_t i = 0; wrong == 0 && i < outputs.size(); ++i) {
    if (outputs[i] != expected[i]) ++wrong;
  }
  std::printf("%zu images, %zu values, %s\n", images, outputs.size(),
              wrong == 0 ? "all as expected" : "NOT as expected");
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> directories(argv + 1, argv + argc);
  if (directories.empty()) directories.push_back(".");
  std::vector<Word> dram;
  std::vector<std::size_t> starts;
  for (const std::string& directory : directories) {
    starts.push_back(dram.size());
    if (!Load(directory, dram)) return 2;
  }
  for (std::size_t i = 0; i < directories.size(); ++i) {
    const int failed = Run(directories[i], &dram[starts[i]]);
    if (failed != 0) return failed;
  }
  return 0;
}
