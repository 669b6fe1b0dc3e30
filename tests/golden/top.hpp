#pragma once

// The top function of the accelerator for 'chain'.

#include <cstdint>

#include "hwmap/stream.hpp"
#include "params.hpp"

namespace hwmap {

using Word = Bytes<Params::kBusBytes>;

}  // namespace hwmap

/// Loads the constants that stay on chip, then runs `images` images: as many as there will be, for
/// what is on chip is gone when it returns. `dram` holds the words of constants.bin.
void hwmap_top(const hwmap::Word* dram, hwmap::Port<hwmap::Params::kBusBytes>& input,
    hwmap::Port<hwmap::Params::kBusBytes>& output, std::uint32_t images);

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
#include <vector>
/// The cycle on which each step of each image of the last start ended, counted from the image's
/// start.
const std::vector<std::vector<std::uint64_t>>& LastStepEnds();
#endif
