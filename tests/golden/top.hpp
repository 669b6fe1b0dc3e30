#pragma once

// The top function of the accelerator for 'chain'.

#include <cstdint>

#include "hwmap/stream.hpp"
#include "params.hpp"

namespace hwmap {

using Word = Bytes<Params::kBusBytes>;

}  // namespace hwmap

/// Runs one image, or, with `load_resident`, fills the resident constant memories: call it once so
/// before the first image. `dram` holds the words of constants.bin.
void hwmap_top(const hwmap::Word* dram, hwmap::Stream<hwmap::Word, 0>& input,
    hwmap::Stream<hwmap::Word, 0>& output, bool load_resident);

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
#include <vector>
/// The cycle on which each step of the last image ended.
const std::vector<std::uint64_t>& LastStepEnds();
#endif
