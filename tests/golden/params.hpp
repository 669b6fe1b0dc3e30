#pragma once

// Sizes of the accelerator for 'chain' on pynq-z2: one constant per number.

#include <cstdint>

#include "hwmap/step.hpp"

namespace hwmap {

struct Params {
  // Engine: PE x SIMD multipliers, vector lanes, results per cycle.
  static constexpr unsigned kPe = 16;
  static constexpr unsigned kSimd = 4;
  static constexpr unsigned kVectorLanes = 16;
  static constexpr unsigned kRequantLanes = 16;
  // Two weights share an operand of a DSP slice, so many bits apart, and so many slices are a
  // cascade.
  static constexpr unsigned kOperandBits = 25;
  static constexpr unsigned kPackShift = 17;
  static constexpr unsigned kCascadeTerms = 4;
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
  static constexpr std::uint32_t kDramWords = 440;
  static constexpr int kFetchFifoWords = 64;
  static constexpr int kCommandFifoWords = 16;
  // What the cycle counter adds besides the trips of loops.
  static constexpr unsigned kDramLatencyCycles = 60;
  static constexpr unsigned kStepOverheadCycles = 25;
  static constexpr unsigned kWalkOverheadCycles = 4;
  // Bits of registers, and the largest shift of a requantizer: what the steps need.
  static constexpr unsigned kCountBits = 7;
  static constexpr unsigned kTripBits = 12;
  static constexpr unsigned kAddressBits = 13;
  static constexpr unsigned kSumBits = 22;
  static constexpr unsigned kMostShift = 26;
  static constexpr unsigned kMostTrips = 2305;
  // Lookup tables of 256 bytes; at least one, so that the array has a size.
  static constexpr unsigned kTables = 1;
  static constexpr unsigned kSteps = 6;
  static constexpr unsigned kInputs = 1;
  static constexpr unsigned kOutputs = 1;

  /// The kinds of steps that there are; nothing is built for others.
  static constexpr bool Uses(StepKind kind) {
    return kind == StepKind::kAveragePool ||
           kind == StepKind::kLoad ||
           kind == StepKind::kMatrix ||
           kind == StepKind::kStore;
  }
};

/// Bytes of every input, in the order in which the accelerator reads them.
constexpr std::uint32_t kInputBytes[Params::kInputs] = {256};
/// Bytes of every output, in the order in which the accelerator writes them.
constexpr std::uint32_t kOutputBytes[Params::kOutputs] = {5};
/// What the test bench runs in one start.
constexpr std::uint32_t kImagesPerStart = 1422;

}  // namespace hwmap
