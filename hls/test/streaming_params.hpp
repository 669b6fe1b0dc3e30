#pragma once

// Small kernels for the tests of headers.

#include <cstdint>

#include "hwmap/requantize.hpp"

/// 3 x 3 windows over 2 channels of 5 x 4 pixels with padding, two pixels at a time and one channel
/// per word; two passes.
struct PaddedWindow {
  static constexpr unsigned kHeight = 5, kWidth = 4, kLanes = 1, kBanks = 2, kPixelWords = 2;
  static constexpr unsigned kRowWords = 4, kWords = 20, kRowsOut = 5, kAcross = 2, kPixels = 2;
  static constexpr unsigned kTaps = 1, kTapRows = 1, kKernelRows = 3, kTapColumns = 3, kStrideRows = 1;
  static constexpr unsigned kStrideColumns = 1, kDilateRows = 1, kDilateColumns = 1, kPadRows = 1;
  static constexpr unsigned kPadColumns = 1, kPasses = 2, kPassesPerGroup = 2, kGroupWords = 2;
  static constexpr unsigned kComputing = 360, kTrips = 360, kLead = 130, kMemoryWords = 14;
  static constexpr unsigned kFirstBank = 1, kFirstWord = 8, kStep = 2, kStepCarried = 4;
  static constexpr unsigned kStepRow = 2, kStepImage = 2;
  static constexpr unsigned kSumBits = 24, kMostShift = 8;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
};

/// 2 x 2 windows over 2 channels of 4 x 4 pixels that do not overlap.
struct PlainWindow {
  static constexpr unsigned kHeight = 4, kWidth = 4, kLanes = 1, kBanks = 1, kPixelWords = 2;
  static constexpr unsigned kRowWords = 8, kWords = 32, kRowsOut = 2, kAcross = 2, kPixels = 1;
  static constexpr unsigned kTaps = 1, kTapRows = 1, kKernelRows = 2, kTapColumns = 2, kStrideRows = 2;
  static constexpr unsigned kStrideColumns = 2, kDilateRows = 1, kDilateColumns = 1, kPadRows = 0;
  static constexpr unsigned kPadColumns = 0, kPasses = 2, kPassesPerGroup = 1, kGroupWords = 1;
  static constexpr unsigned kComputing = 32, kTrips = 32, kLead = 11, kMemoryWords = 18;
  static constexpr unsigned kFirstBank = 0, kFirstWord = 0, kStep = 4, kStepCarried = 6;
  static constexpr unsigned kStepRow = 12, kStepImage = 12;
  static constexpr unsigned kSumBits = 24, kMostShift = 8;
  static constexpr unsigned kLeft = hwmap::kMultiplied;
};
