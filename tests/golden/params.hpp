#pragma once

// Sizes of the engine: one constant per number. Nothing here depends on a network; what the engine
// runs is a program.

#include <cstdint>

namespace hwmap {

struct Params {
  // PE x SIMD multipliers of the array, vector lanes, results per cycle.
  static constexpr unsigned kPe = 16;
  static constexpr unsigned kSimd = 16;
  static constexpr unsigned kVectorLanes = 16;
  static constexpr unsigned kRequantLanes = 16;
  // Pixels whose sums are held.
  static constexpr unsigned kStripe = 32;
  // Two weights share an operand of a DSP slice, so many bits apart, and so many slices are a
  // cascade.
  static constexpr unsigned kOperandBits = 25;
  static constexpr unsigned kPackShift = 17;
  static constexpr unsigned kCascadeTerms = 4;
  // Bytes per cycle of the constant memory; from DRAM, and on the input and output streams.
  static constexpr unsigned kPortBytes = 256;
  static constexpr unsigned kBusBytes = 8;
  // Arena: 256 words for tensors, and a row beyond either end.
  static constexpr unsigned kBanks = 2;
  static constexpr unsigned kArenaRows = 130;
  // Constant memory, in words of the port.
  static constexpr unsigned kConstantWords = 19;
  // Rows of tensors that a step can point to.
  static constexpr unsigned kMostRows = 256;
  // Places to which a step can fetch constants.
  static constexpr unsigned kMostSegments = 32;
  static constexpr int kProgramFifoWords = 64;
  static constexpr int kCommandFifoWords = 16;
  // What the cycle counter adds besides the trips of loops.
  static constexpr unsigned kDramLatencyCycles = 60;
  static constexpr unsigned kOverheadCycles = 27;
  // What a program begins with, and the sizes that it was made for.
  static constexpr std::uint32_t kMagic = 0x504D5748;
  static constexpr std::uint32_t kSignature = 0xDDB6FAA6;
};

}  // namespace hwmap
