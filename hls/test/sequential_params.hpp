#pragma once

// The smallest engine, for the tests of its parts to change.

#include "hwmap/step.hpp"

struct SmallestParams {
  static constexpr unsigned kPe = 1;
  static constexpr unsigned kSimd = 1;
  static constexpr unsigned kVectorLanes = 1;
  static constexpr unsigned kRequantLanes = 1;
  static constexpr unsigned kOperandBits = 25;
  static constexpr unsigned kPackShift = 17;
  static constexpr unsigned kCascadeTerms = 4;
  static constexpr unsigned kBusBytes = 1;
  static constexpr unsigned kArenaLanes = 1;
  static constexpr unsigned kArenaRows = 10;
  static constexpr unsigned kWeightWords = 1;
  static constexpr unsigned kChannelWords = 1;
  static constexpr std::uint32_t kResidentBusWords = 0;
  static constexpr std::uint32_t kFetchedBusWords = 0;
  static constexpr std::uint32_t kDramWords = 1;
  static constexpr unsigned kDramLatencyCycles = 60;
  static constexpr unsigned kStepOverheadCycles = 10;
  static constexpr unsigned kWalkOverheadCycles = 4;
  static constexpr unsigned kCountBits = 8;
  static constexpr unsigned kTripBits = 12;
  static constexpr unsigned kAddressBits = 16;
  static constexpr unsigned kSumBits = 32;
  static constexpr unsigned kMostShift = 47;
  static constexpr unsigned kMostTrips = 1000;
  static constexpr unsigned kTables = 1;
  static constexpr unsigned kSteps = 3;
  static constexpr bool Uses(hwmap::StepKind) { return true; }
};

/// A step whose loops run once, if at all.
inline hwmap::Step EmptyStep(hwmap::StepKind kind) {
  hwmap::Step step = {};
  step.kind = kind;
  hwmap::Walk& walk = step.walk;
  walk.kernel_rows = walk.runs = walk.run_words = 1;
  walk.out_columns = walk.groups = walk.blocks = walk.period = 1;
  return step;
}
