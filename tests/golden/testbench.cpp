// Runs the accelerator for 'chain' on the images in vectors/ and compares every value.
//
//   testbench [directory with constants.bin and vectors/]
//
// Writes vectors/outputs.bin and, compiled with HWMAP_CYCLES, vectors/step_ends.txt: the cycle on
// which each step ended, a line per image.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "top.hpp"

namespace {

using hwmap::Clock;
using hwmap::Params;
using hwmap::Word;
using Port = hwmap::Port<Params::kBusBytes>;

bool ReadFile(const std::string& path, std::vector<char>& bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
    return false;
  }
  bytes.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return true;
}

/// `count` bytes from `bytes` on, as words; the last one is filled up with zeros.
void Send(const char* bytes, std::uint32_t count, Port& port) {
  Clock clock;
  for (std::uint32_t at = 0; at < count; at += Params::kBusBytes) {
    Word word = {};
    for (unsigned i = 0; i < Params::kBusBytes && at + i < count; ++i) {
      word.at[i] = static_cast<std::int8_t>(bytes[at + i]);
    }
    hwmap::WritePort<Params::kBusBytes>(port, word, at + Params::kBusBytes >= count, clock);
  }
}

/// Takes `count` bytes; whether TLAST came with the last word, and with no other.
bool Receive(Port& port, std::uint32_t count, std::vector<char>& bytes) {
  Clock clock;
  for (std::uint32_t at = 0; at < count; at += Params::kBusBytes) {
    const hwmap::Beat<Params::kBusBytes> beat = hwmap::ReadPort<Params::kBusBytes>(port, clock);
    if (beat.last != (at + Params::kBusBytes >= count)) return false;
    for (unsigned i = 0; i < Params::kBusBytes && at + i < count; ++i) {
      bytes.push_back(static_cast<char>(beat.word.at[i]));
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : ".";
  std::vector<char> constants, inputs, expected, outputs;
  if (!ReadFile(directory + "/constants.bin", constants) ||
      !ReadFile(directory + "/vectors/inputs.bin", inputs) ||
      !ReadFile(directory + "/vectors/expected.bin", expected)) {
    return 2;
  }
  std::vector<Word> dram(constants.size() / Params::kBusBytes + 1);
  for (std::size_t i = 0; i < constants.size(); ++i) {
    dram[i / Params::kBusBytes].at[i % Params::kBusBytes] =
        static_cast<std::int8_t>(constants[i]);
  }
  Port input, output;
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
  std::ofstream step_ends(directory + "/vectors/step_ends.txt");
#endif
  std::size_t image_bytes = 0;
  for (const std::uint32_t bytes : hwmap::kInputBytes) image_bytes += bytes;
  const std::size_t images = inputs.size() / image_bytes;
  const char* next = inputs.data();
  for (std::size_t first = 0; first < images; first += hwmap::kImagesPerStart) {
    const std::size_t left = images - first;
    const std::uint32_t count = left < hwmap::kImagesPerStart
                                    ? static_cast<std::uint32_t>(left)
                                    : hwmap::kImagesPerStart;
    for (std::uint32_t image = 0; image < count; ++image) {
      for (const std::uint32_t bytes : hwmap::kInputBytes) {
        Send(next, bytes, input);
        next += bytes;
      }
    }
    hwmap_top(dram.data(), input, output, count);
    for (std::uint32_t image = 0; image < count; ++image) {
      for (const std::uint32_t bytes : hwmap::kOutputBytes) {
        if (!Receive(output, bytes, outputs)) {
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
