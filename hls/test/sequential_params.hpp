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
  static constexpr unsigned kDramLatencyCycles = 60;
  static constexpr unsigned kOverheadCycles = 10;
};

/// A step whose loops run once, if at all.
inline hwmap::Row EmptyRow(hwmap::StepKind kind) {
  hwmap::Row row = {};
  row.kind = kind;
  row.groups = row.blocks = row.kernel_rows = row.runs = row.run_trips = 1;
  row.taps = row.fresh = row.rows = row.columns = row.stripe = 1;
  row.low = -128;
  row.high = 127;
  return row;
}

/// The pointers of rows, in a memory.
template <typename P>
hwmap::Numbers<P, P::kMostRows> Pointers(const std::vector<std::uint32_t>& values) {
  hwmap::Numbers<P, P::kMostRows> numbers = {};
  constexpr unsigned kPerWord = hwmap::Numbers<P, P::kMostRows>::kPerWord;
  for (std::size_t i = 0; i < values.size(); ++i) numbers.at[i / kPerWord][i % kPerWord] = values[i];
  return numbers;
}
