#pragma once

// The table that drives the engine: one descriptor per step, all addresses and sizes resolved.

#include <cstdint>

namespace hwmap {

enum class StepKind : std::uint8_t {
  kLoad,         ///< input stream -> arena
  kMatrix,       ///< convolution or linear layer on the PE x SIMD array
  kDepthwise,    ///< depthwise convolution on the vector lanes
  kMaxPool,      ///< vector lanes
  kAveragePool,  ///< vector lanes
  kAdd,          ///< vector lanes
  kMul,          ///< vector lanes: two tensors of the same shape
  kScale,        ///< vector lanes: a tensor by one value per channel
  kLookup,       ///< vector lanes: every value through a table
  kStore,        ///< arena -> output stream
};

/// Constants that are fetched while a step computes, in words of their memories.
struct Fetch {
  std::uint32_t weight_address;
  std::uint32_t weight_words;
  std::uint32_t channel_address;
  std::uint32_t channel_words;
};

/// Which bytes each trip of a step reads, and where each block's results go. Addresses and `_bytes`
/// count bytes of the arena; products that the walk needs (such as stride_row_bytes = stride_rows *
/// row_bytes) are in the table, so that it only adds.
struct Walk {
  // The source, as rows of bytes, and the window that slides over it.
  std::int32_t first_row_address;    ///< row -pad_rows of the source
  std::int32_t second_source_bytes;  ///< kAdd, kMul: from the first source to the second; kScale:
                                     ///< address of the values per channel
  std::int32_t rows;
  std::int32_t row_bytes;
  std::int32_t pad_rows;
  std::int32_t pad_bytes;
  std::int32_t stride_rows;
  std::int32_t stride_row_bytes;
  std::int32_t stride_bytes;
  std::int32_t row_step;
  std::int32_t row_step_bytes;
  std::uint32_t kernel_rows;
  std::uint32_t runs;  ///< runs of adjacent bytes per kernel row
  std::uint32_t run_words;
  std::int32_t run_step_bytes;
  // Output columns, groups per pixel, blocks per group, trips per block; trips of all blocks.
  std::uint32_t out_columns;
  std::uint32_t groups;
  std::int32_t group_bytes;
  std::uint32_t blocks;
  std::int32_t block_bytes;
  std::uint32_t period;
  std::uint32_t walk_trips;
  // The target.
  std::int32_t target_address;
  std::int32_t pixel_bytes;       ///< from a pixel to the next in its row
  std::int32_t target_row_bytes;  ///< from a row to the next
  std::int32_t group_channels;
  // Constants, and the words of channel constants per block.
  std::uint32_t weight_address;
  std::uint32_t channel_address;
  std::uint32_t drains;
};

/// One step.
struct Step {
  StepKind kind;
  std::uint32_t trips;  ///< iterations of its loop: the walk, draining, fetching
  Walk walk;
  // Numbers. The matrix array and depthwise convolutions take bias, multiplier and shift per channel
  // from the channel memory instead.
  std::int8_t pad_value;
  std::int32_t first_operand;  ///< of a block's first term: a factor, or for kMul and kScale the
                               ///< zero point
  std::int32_t later_operand;  ///< of its later terms
  std::int32_t bias;
  std::uint32_t multiplier;
  std::uint32_t shift;
  std::int32_t zero_point;
  std::int32_t low;
  std::int32_t high;
  std::uint32_t table;  ///< kLookup
  Fetch fetch;
  // kLoad and kStore: the tensor.
  std::int32_t stream_address;
  std::uint32_t stream_words;  ///< bus words
  std::uint32_t last_bytes;    ///< in the last of them
};

/// Whether `kind` is `wanted`, where the design has such steps at all: what it does not use is not
/// built.
template <typename P>
constexpr bool Is(StepKind kind, StepKind wanted) {
  return P::Uses(wanted) && kind == wanted;
}

/// Whether a step takes bias, multiplier and shift per channel.
template <typename P>
constexpr bool HasChannels(StepKind kind) {
  return Is<P>(kind, StepKind::kMatrix) || Is<P>(kind, StepKind::kDepthwise);
}

/// Whether a step multiplies two values.
template <typename P>
constexpr bool IsProduct(StepKind kind) {
  return Is<P>(kind, StepKind::kMul) || Is<P>(kind, StepKind::kScale);
}

}  // namespace hwmap
