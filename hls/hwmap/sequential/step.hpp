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

/// One step. Addresses and `_bytes` count bytes of the arena; products that the address walk needs
/// (such as stride_row_bytes = stride_rows * row_bytes) are in the table, so that it only adds.
struct Step {
  StepKind kind;
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
  // Output pixels, groups per pixel, blocks per group, trips per block, drains per block.
  std::uint32_t out_rows;
  std::uint32_t out_columns;
  std::uint32_t groups;
  std::int32_t group_bytes;
  std::uint32_t blocks;
  std::int32_t block_bytes;
  std::uint32_t period;
  std::uint32_t drains;
  // The target.
  std::int32_t target_address;
  std::int32_t pixel_bytes;       ///< from a pixel to the next in its row
  std::int32_t target_row_bytes;  ///< from a row to the next
  std::int32_t group_channels;
  // Numbers. The matrix array and depthwise convolutions take bias, multiplier and shift per channel
  // from the channel memory instead.
  std::int8_t pad_value;
  std::int32_t operand[2];  ///< of the first term and of later ones: a factor, or for kMul and
                            ///< kScale the zero point
  std::int32_t bias;
  std::uint32_t multiplier;
  std::uint32_t shift;
  std::int32_t zero_point;
  std::int32_t low;
  std::int32_t high;
  std::uint32_t table;  ///< kLookup
  // Constants.
  std::uint32_t weight_address;
  std::uint32_t channel_address;
  Fetch fetch;
  std::uint32_t stream_bytes;  ///< kLoad and kStore: size of the tensor
};

}  // namespace hwmap
