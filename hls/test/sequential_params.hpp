#pragma once

// The smallest engine, for the tests of its parts to change.

#include <cstring>
#include <vector>

#include "hwmap/program.hpp"

struct SmallestParams {
  static constexpr unsigned kPe = 8;
  static constexpr unsigned kSimd = 8;
  static constexpr unsigned kVectorLanes = 8;
  static constexpr unsigned kRequantLanes = 8;
  static constexpr unsigned kStripe = 4;
  static constexpr unsigned kOperandBits = 25;
  static constexpr unsigned kPackShift = 17;
  static constexpr unsigned kCascadeTerms = 4;
  static constexpr unsigned kPortBytes = 8;
  static constexpr unsigned kBusBytes = 8;
  static constexpr unsigned kBanks = 1;
  static constexpr unsigned kArenaRows = 34;
  static constexpr unsigned kConstantWords = 16;
  static constexpr unsigned kMostRows = 8;
  static constexpr unsigned kMostSegments = 4;
  static constexpr unsigned kDramLatencyCycles = 60;
  static constexpr unsigned kOverheadCycles = 10;
};

/// A step whose loops run once, if at all.
inline hwmap::Row EmptyRow(hwmap::StepKind kind) {
  hwmap::Row row = {};
  row.kind = kind;
  row.groups = row.blocks = row.kernel_rows = row.runs = row.run_trips = 1;
  row.taps = row.fresh = row.rows = row.columns = row.pixels = row.stripe = 1;
  row.low = -128;
  row.high = 127;
  return row;
}

/// Fills in the pointers of rows.
template <unsigned Words, unsigned PerWord>
void SetPointers(std::uint32_t (&numbers)[Words][PerWord], const std::vector<std::uint32_t>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) numbers[i / PerWord][i % PerWord] = values[i];
}
