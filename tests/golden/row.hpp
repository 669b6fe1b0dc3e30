#pragma once

// The row of a step, as it stands in a program.

#include <cstdint>

#include "hwmap/integer.hpp"

namespace hwmap {

enum class StepKind : std::uint8_t {
  kFetch,      ///< constants only
  kLoad,       ///< input stream -> arena
  kStore,      ///< arena -> output stream
  kMatrix,     ///< convolution or linear layer on the array
  kDepthwise,  ///< depthwise convolution on the vector lanes
  kLargest,    ///< vector lanes: the largest value of a window, or a copy
  kSum,        ///< vector lanes: values times factors
  kProduct,    ///< vector lanes: two tensors
  kLookup,     ///< vector lanes: every value through a table
  kSpill,      ///< arena -> DRAM
  kReload,     ///< DRAM -> arena
};

/// The number of `Size` bytes from byte `At` on, the lowest first.
template <unsigned At, unsigned Size, bool Signed, unsigned N>
std::int32_t Field(const std::int8_t (&bytes)[N]) {
#pragma HLS INLINE
  static_assert(At + Size <= N, "Field: it must lie in the row.");
  std::uint64_t bits = 0;
FieldByte:
  for (unsigned i = 0; i < Size; ++i) {
#pragma HLS UNROLL
    bits |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[At + i])) << (8 * i);
  }
  return static_cast<std::int32_t>(
      Signed ? LowSigned<8 * Size>(static_cast<std::int64_t>(bits)) : static_cast<std::int64_t>(bits));
}

/// Bytes of a row without its pointers and segments.
constexpr unsigned kRowBytes = 125;
/// Channels of the pixels that the input stream packs.
constexpr unsigned kMostPacked = 4;
/// The pointer of a row that lies in the padding.
constexpr std::uint32_t kNowhere = 16777215;

struct Row {
  StepKind kind;
  std::int32_t source_rows;
  std::int32_t target_rows;
  std::int32_t segments;
  std::int32_t trips;
  std::int32_t fetch_words;
  std::int32_t columns;
  std::int32_t rows;
  std::int32_t pixels;
  std::int32_t stripe;
  std::int32_t ends;
  std::int32_t groups;
  std::int32_t blocks;
  std::int32_t walk_trips;
  std::int32_t lead;
  std::int32_t kernel_rows;
  std::int32_t runs;
  std::int32_t run_trips;
  std::int32_t taps;
  std::int32_t fresh;
  std::int32_t first;
  std::int32_t other;
  std::int32_t last;
  std::int32_t short_first;
  std::int32_t short_other;
  std::int32_t short_last;
  std::int32_t origin;
  std::int32_t pixel_words;
  std::int32_t column_words;
  std::int32_t next_words;
  std::int32_t run_words;
  std::int32_t group_words;
  std::int32_t block_words;
  std::int32_t row_words;
  std::int32_t stride_rows;
  std::int32_t row_step;
  std::int32_t second;
  std::int32_t fixed;
  std::int32_t packed_pixels;
  std::int32_t packed_channels;
  std::int32_t address;
  std::int32_t weight_words;
  std::int32_t channel_words;
  std::int32_t constant_words;
  std::int32_t write_trips;
  std::int32_t slices;
  std::int32_t last_slices;
  std::int32_t target_origin;
  std::int32_t target_pixel_words;
  std::int32_t target_group_words;
  std::int32_t target_block_words;
  std::int32_t target_words;
  std::int32_t pad_value;
  std::int32_t first_operand;
  std::int32_t later_operand;
  std::int32_t repeated;
  std::int32_t bias;
  std::int32_t multiplier;
  std::int32_t shift;
  std::int32_t zero_point;
  std::int32_t low;
  std::int32_t high;
};

template <unsigned N>
Row ParseRow(const std::int8_t (&bytes)[N]) {
#pragma HLS INLINE
  Row row;
  row.kind = static_cast<StepKind>(Field<0, 1, false>(bytes));
  row.source_rows = Field<1, 2, false>(bytes);
  row.target_rows = Field<3, 2, false>(bytes);
  row.segments = Field<5, 1, false>(bytes);
  row.trips = Field<6, 4, false>(bytes);
  row.fetch_words = Field<10, 3, false>(bytes);
  row.columns = Field<13, 2, false>(bytes);
  row.rows = Field<15, 2, false>(bytes);
  row.pixels = Field<17, 4, false>(bytes);
  row.stripe = Field<21, 1, false>(bytes);
  row.ends = Field<22, 1, false>(bytes);
  row.groups = Field<23, 2, false>(bytes);
  row.blocks = Field<25, 2, false>(bytes);
  row.walk_trips = Field<27, 4, false>(bytes);
  row.lead = Field<31, 2, false>(bytes);
  row.kernel_rows = Field<33, 1, false>(bytes);
  row.runs = Field<34, 1, false>(bytes);
  row.run_trips = Field<35, 2, false>(bytes);
  row.taps = Field<37, 1, false>(bytes);
  row.fresh = Field<38, 1, false>(bytes);
  row.first = Field<39, 2, false>(bytes);
  row.other = Field<41, 2, false>(bytes);
  row.last = Field<43, 2, false>(bytes);
  row.short_first = Field<45, 2, false>(bytes);
  row.short_other = Field<47, 2, false>(bytes);
  row.short_last = Field<49, 2, false>(bytes);
  row.origin = Field<51, 3, true>(bytes);
  row.pixel_words = Field<54, 3, true>(bytes);
  row.column_words = Field<57, 2, true>(bytes);
  row.next_words = Field<59, 3, true>(bytes);
  row.run_words = Field<62, 2, true>(bytes);
  row.group_words = Field<64, 2, false>(bytes);
  row.block_words = Field<66, 1, false>(bytes);
  row.row_words = Field<67, 3, false>(bytes);
  row.stride_rows = Field<70, 1, false>(bytes);
  row.row_step = Field<71, 1, false>(bytes);
  row.second = Field<72, 2, false>(bytes);
  row.fixed = Field<74, 1, false>(bytes);
  row.packed_pixels = Field<75, 1, false>(bytes);
  row.packed_channels = Field<76, 1, false>(bytes);
  row.address = Field<77, 3, false>(bytes);
  row.weight_words = Field<80, 2, false>(bytes);
  row.channel_words = Field<82, 2, false>(bytes);
  row.constant_words = Field<84, 3, false>(bytes);
  row.write_trips = Field<87, 4, false>(bytes);
  row.slices = Field<91, 2, false>(bytes);
  row.last_slices = Field<93, 2, false>(bytes);
  row.target_origin = Field<95, 3, false>(bytes);
  row.target_pixel_words = Field<98, 2, false>(bytes);
  row.target_group_words = Field<100, 2, false>(bytes);
  row.target_block_words = Field<102, 1, false>(bytes);
  row.target_words = Field<103, 3, false>(bytes);
  row.pad_value = Field<106, 1, true>(bytes);
  row.first_operand = Field<107, 3, true>(bytes);
  row.later_operand = Field<110, 3, true>(bytes);
  row.repeated = Field<113, 1, false>(bytes);
  row.bias = Field<114, 4, true>(bytes);
  row.multiplier = Field<118, 3, false>(bytes);
  row.shift = Field<121, 1, false>(bytes);
  row.zero_point = Field<122, 1, true>(bytes);
  row.low = Field<123, 1, true>(bytes);
  row.high = Field<124, 1, true>(bytes);
  return row;
}

}  // namespace hwmap
