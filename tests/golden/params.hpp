#pragma once

// Sizes of the accelerator for 'chain' on pynq-z2: one constant per number.

#include <cstdint>

namespace hwmap {

struct Params {
  // Engine: PE x SIMD multipliers, vector lanes, results per cycle.
  static constexpr unsigned kPe = 16;
  static constexpr unsigned kSimd = 4;
  static constexpr unsigned kVectorLanes = 16;
  static constexpr unsigned kRequantLanes = 16;
  // Bytes per cycle from DRAM, and on the input and output streams.
  static constexpr unsigned kBusBytes = 8;
  // Arena: 2048 bytes for tensors, and a row beyond either end.
  static constexpr unsigned kArenaLanes = 16;
  static constexpr unsigned kArenaRows = 130;
  // Constant memories, in words of PE * SIMD weights and of kRequantLanes channels.
  static constexpr unsigned kWeightWords = 45;
  static constexpr unsigned kChannelWords = 2;
  // Constants in DRAM, in bus words: the resident ones, then those fetched for every image.
  static constexpr std::uint32_t kResidentBusWords = 88;
  static constexpr std::uint32_t kFetchedBusWords = 352;
  static constexpr int kFetchFifoWords = 64;
  static constexpr unsigned kDramLatencyCycles = 60;
  static constexpr unsigned kStepOverheadCycles = 21;
  // Lookup tables of 256 bytes; at least one, so that the array has a size.
  static constexpr unsigned kTables = 1;
  static constexpr unsigned kSteps = 6;
  static constexpr unsigned kInputs = 1;
  static constexpr unsigned kOutputs = 1;
};

/// Bytes of every input, in the order in which the accelerator reads them.
constexpr std::uint32_t kInputBytes[Params::kInputs] = {256};
/// Bytes of every output, in the order in which the accelerator writes them.
constexpr std::uint32_t kOutputBytes[Params::kOutputs] = {5};

}  // namespace hwmap
