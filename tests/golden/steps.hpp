#pragma once

// The steps of one image of 'chain', in order.

#include "hwmap/step.hpp"
#include "params.hpp"

namespace hwmap {

/// Constants that stay on chip: weight address and words, channel address and words.
constexpr Fetch kResident = {0, 9, 0, 1};

constexpr Step kSteps[Params::kSteps] = {
    // 0: 'x', 32 words
    {StepKind::kLoad, /*trips*/ 32,
     {/*first_row_address*/ 0, /*second_source_bytes*/ 0,
      /*rows*/ 0, /*row_bytes*/ 0, /*pad_rows*/ 0, /*pad_bytes*/ 0,
      /*stride_rows*/ 0, /*stride_row_bytes*/ 0, /*stride_bytes*/ 0,
      /*row_step*/ 0, /*row_step_bytes*/ 0,
      /*kernel_rows*/ 1, /*runs*/ 1, /*run_words*/ 1, /*run_step_bytes*/ 0,
      /*out_columns*/ 1, /*groups*/ 1, /*group_bytes*/ 0, /*blocks*/ 1, /*block_bytes*/ 0,
      /*period*/ 1, /*walk_trips*/ 0,
      /*target_address*/ 0, /*pixel_bytes*/ 0, /*target_row_bytes*/ 0, /*group_channels*/ 0,
      /*weight_address*/ 0, /*channel_address*/ 0, /*drains*/ 0},
     /*pad_value*/ 0, /*first_operand*/ 0, /*later_operand*/ 0,
     /*bias*/ 0, /*multiplier*/ 0, /*shift*/ 0, /*zero_point*/ 0, /*low*/ 0, /*high*/ 0,
     /*table*/ 0, /*fetch*/ {0, 0, 0, 0},
     /*stream_address*/ 1024, /*stream_words*/ 32, /*last_bytes*/ 8},
    // 1: 'a', 16 x 8 x 8
    {StepKind::kMatrix, /*trips*/ 577,
     {/*first_row_address*/ 992, /*second_source_bytes*/ 0,
      /*rows*/ 8, /*row_bytes*/ 32, /*pad_rows*/ 1, /*pad_bytes*/ 4,
      /*stride_rows*/ 1, /*stride_row_bytes*/ 32, /*stride_bytes*/ 4,
      /*row_step*/ 1, /*row_step_bytes*/ 32,
      /*kernel_rows*/ 3, /*runs*/ 1, /*run_words*/ 3, /*run_step_bytes*/ 4,
      /*out_columns*/ 8, /*groups*/ 1, /*group_bytes*/ 4, /*blocks*/ 1, /*block_bytes*/ 0,
      /*period*/ 9, /*walk_trips*/ 576,
      /*target_address*/ 0, /*pixel_bytes*/ 16, /*target_row_bytes*/ 128, /*group_channels*/ 16,
      /*weight_address*/ 0, /*channel_address*/ 0, /*drains*/ 1},
     /*pad_value*/ -128, /*first_operand*/ 0, /*later_operand*/ 0,
     /*bias*/ 0, /*multiplier*/ 0, /*shift*/ 0, /*zero_point*/ -128, /*low*/ -128, /*high*/ 127,
     /*table*/ 0, /*fetch*/ {9, 36, 1, 1},
     /*stream_address*/ 0, /*stream_words*/ 0, /*last_bytes*/ 0},
    // 2: 'b', 16 x 8 x 8
    {StepKind::kMatrix, /*trips*/ 2305,
     {/*first_row_address*/ -128, /*second_source_bytes*/ 0,
      /*rows*/ 8, /*row_bytes*/ 128, /*pad_rows*/ 1, /*pad_bytes*/ 16,
      /*stride_rows*/ 1, /*stride_row_bytes*/ 128, /*stride_bytes*/ 16,
      /*row_step*/ 1, /*row_step_bytes*/ 128,
      /*kernel_rows*/ 3, /*runs*/ 1, /*run_words*/ 12, /*run_step_bytes*/ 16,
      /*out_columns*/ 8, /*groups*/ 1, /*group_bytes*/ 16, /*blocks*/ 1, /*block_bytes*/ 0,
      /*period*/ 36, /*walk_trips*/ 2304,
      /*target_address*/ 1024, /*pixel_bytes*/ 16, /*target_row_bytes*/ 128, /*group_channels*/ 16,
      /*weight_address*/ 9, /*channel_address*/ 1, /*drains*/ 1},
     /*pad_value*/ -128, /*first_operand*/ 0, /*later_operand*/ 0,
     /*bias*/ 0, /*multiplier*/ 0, /*shift*/ 0, /*zero_point*/ -128, /*low*/ -128, /*high*/ 127,
     /*table*/ 0, /*fetch*/ {0, 0, 0, 0},
     /*stream_address*/ 0, /*stream_words*/ 0, /*last_bytes*/ 0},
    // 3: 'pool', 16 x 1 x 1
    {StepKind::kAveragePool, /*trips*/ 65,
     {/*first_row_address*/ 1024, /*second_source_bytes*/ 0,
      /*rows*/ 8, /*row_bytes*/ 128, /*pad_rows*/ 0, /*pad_bytes*/ 0,
      /*stride_rows*/ 1, /*stride_row_bytes*/ 128, /*stride_bytes*/ 16,
      /*row_step*/ 1, /*row_step_bytes*/ 128,
      /*kernel_rows*/ 8, /*runs*/ 8, /*run_words*/ 1, /*run_step_bytes*/ 16,
      /*out_columns*/ 1, /*groups*/ 1, /*group_bytes*/ 0, /*blocks*/ 1, /*block_bytes*/ 16,
      /*period*/ 64, /*walk_trips*/ 64,
      /*target_address*/ 0, /*pixel_bytes*/ 16, /*target_row_bytes*/ 16, /*group_channels*/ 16,
      /*weight_address*/ 0, /*channel_address*/ 0, /*drains*/ 1},
     /*pad_value*/ -128, /*first_operand*/ 1, /*later_operand*/ 1,
     /*bias*/ 8192, /*multiplier*/ 78034, /*shift*/ 21, /*zero_point*/ -128, /*low*/ -128, /*high*/ 127,
     /*table*/ 0, /*fetch*/ {9, 4, 1, 1},
     /*stream_address*/ 0, /*stream_words*/ 0, /*last_bytes*/ 0},
    // 4: 'out', 5 x 1 x 1
    {StepKind::kMatrix, /*trips*/ 5,
     {/*first_row_address*/ 0, /*second_source_bytes*/ 0,
      /*rows*/ 1, /*row_bytes*/ 16, /*pad_rows*/ 0, /*pad_bytes*/ 0,
      /*stride_rows*/ 1, /*stride_row_bytes*/ 16, /*stride_bytes*/ 16,
      /*row_step*/ 1, /*row_step_bytes*/ 16,
      /*kernel_rows*/ 1, /*runs*/ 1, /*run_words*/ 4, /*run_step_bytes*/ 0,
      /*out_columns*/ 1, /*groups*/ 1, /*group_bytes*/ 0, /*blocks*/ 1, /*block_bytes*/ 0,
      /*period*/ 4, /*walk_trips*/ 4,
      /*target_address*/ 16, /*pixel_bytes*/ 5, /*target_row_bytes*/ 5, /*group_channels*/ 5,
      /*weight_address*/ 9, /*channel_address*/ 1, /*drains*/ 1},
     /*pad_value*/ -128, /*first_operand*/ 0, /*later_operand*/ 0,
     /*bias*/ 0, /*multiplier*/ 0, /*shift*/ 0, /*zero_point*/ 34, /*low*/ -128, /*high*/ 127,
     /*table*/ 0, /*fetch*/ {0, 0, 0, 0},
     /*stream_address*/ 0, /*stream_words*/ 0, /*last_bytes*/ 0},
    // 5: 'out', 1 words
    {StepKind::kStore, /*trips*/ 1,
     {/*first_row_address*/ 0, /*second_source_bytes*/ 0,
      /*rows*/ 0, /*row_bytes*/ 0, /*pad_rows*/ 0, /*pad_bytes*/ 0,
      /*stride_rows*/ 0, /*stride_row_bytes*/ 0, /*stride_bytes*/ 0,
      /*row_step*/ 0, /*row_step_bytes*/ 0,
      /*kernel_rows*/ 1, /*runs*/ 1, /*run_words*/ 1, /*run_step_bytes*/ 0,
      /*out_columns*/ 1, /*groups*/ 1, /*group_bytes*/ 0, /*blocks*/ 1, /*block_bytes*/ 0,
      /*period*/ 1, /*walk_trips*/ 0,
      /*target_address*/ 0, /*pixel_bytes*/ 0, /*target_row_bytes*/ 0, /*group_channels*/ 0,
      /*weight_address*/ 0, /*channel_address*/ 0, /*drains*/ 0},
     /*pad_value*/ 0, /*first_operand*/ 0, /*later_operand*/ 0,
     /*bias*/ 0, /*multiplier*/ 0, /*shift*/ 0, /*zero_point*/ 0, /*low*/ 0, /*high*/ 0,
     /*table*/ 0, /*fetch*/ {0, 0, 0, 0},
     /*stream_address*/ 16, /*stream_words*/ 1, /*last_bytes*/ 5},
};

}  // namespace hwmap
