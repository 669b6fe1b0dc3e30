#pragma once

// The top function of the accelerator.

#include <cstdint>

#include "hwmap/stream.hpp"
#include "params.hpp"

namespace hwmap {

using Word = Bytes<Params::kBusBytes>;

}  // namespace hwmap

/// Runs `images` images of the program whose words `program_words` holds (program.bin): as many as
/// there will be, for what is on chip is gone when it returns.
void hwmap_top(const hwmap::Word* program_words,
    hwmap::Port<hwmap::Params::kBusBytes>& input_stream,
    hwmap::Port<hwmap::Params::kBusBytes>& output_stream, std::uint32_t images);

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
#include <vector>
/// The cycle on which each step of each image of the last start ended, counted from the image's
/// start.
const std::vector<std::vector<std::uint64_t>>& LastStepEnds();
#endif
