#pragma once

// The engine: one weight-stationary array and one set of vector lanes, driven by a program.
//
// The body of every loop reads its memories, computes, and only then writes what earlier trips
// finished: a write that stood before a read would be a dependence within a trip. That a step never
// writes where it reads, the plan's checker has shown; the pragmas say so.

#include <cstdint>

#include "hwmap/arena.hpp"
#include "hwmap/clock.hpp"
#include "hwmap/constants.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/moves.hpp"
#include "hwmap/program.hpp"
#include "hwmap/reads.hpp"
#include "hwmap/results.hpp"
#include "hwmap/row.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/stream.hpp"
#include "hwmap/terms.hpp"
#include "hwmap/writes.hpp"

namespace hwmap {

/// Constants from DRAM, and nothing else.
template <typename P, typename Words>
void Fetch(const Row& row, Fetcher<P>& fetcher, ConstantMemory<P>& constants, Words& program,
           Clock& clock) {
#pragma HLS INLINE
FetchWord:
  for (std::uint32_t left = row.fetch_words; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = 1000000
    clock.Tick();
    fetcher.Advance(program, constants, clock);
  }
}

/// A step on the array or the vector lanes.
template <typename P, typename Words, typename ReadCommands, typename WriteCommands>
void Compute(const Row& row, Fetcher<P>& fetcher, ArenaMemory<P>& arena,
             ConstantMemory<P>& constants, SumMemory<P>& even, SumMemory<P>& odd, Words& program,
             ReadCommands& reads, WriteCommands& writes, Clock& clock) {
#pragma HLS INLINE
  // The weights of this term and of the next; what the channels of two blocks become outputs with;
  // the columns that the lanes slide over; results that wait for a whole word.
  std::int8_t weights[Sizes<P>::kWeights] = {};
  std::int8_t next[Sizes<P>::kWeights] = {};
  ChannelMemory<P> even_channels = {}, odd_channels = {};
  TableMemory<P> table = {};
  std::int8_t columns[kTaps][P::kVectorLanes] = {};
  std::int8_t held[Sizes<P>::kResultBytes] = {};
#pragma HLS ARRAY_PARTITION variable = weights complete
#pragma HLS ARRAY_PARTITION variable = next complete
#pragma HLS ARRAY_PARTITION variable = even_channels complete
#pragma HLS ARRAY_PARTITION variable = odd_channels complete
#pragma HLS ARRAY_PARTITION variable = columns complete dim = 0
#pragma HLS ARRAY_PARTITION variable = held complete
#pragma HLS BIND_STORAGE variable = table type = ram_1wnr impl = lutram
  // Blocks take turns: sums of one grow while those of the other leave.
  bool is_odd = false;
  bool draining = false;
  std::uint32_t walk_left = row.walk_trips;
ComputeTrip:
  for (std::uint32_t left = row.trips; left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000000
#pragma HLS DEPENDENCE variable = arena type = inter dependent = false
#pragma HLS DEPENDENCE variable = arena type = intra dependent = false
#pragma HLS DEPENDENCE variable = constants type = inter dependent = false
#pragma HLS DEPENDENCE variable = constants type = intra dependent = false
#pragma HLS DEPENDENCE variable = even type = inter direction = RAW distance = 4 dependent = true
#pragma HLS DEPENDENCE variable = even type = intra dependent = false
#pragma HLS DEPENDENCE variable = odd type = inter direction = RAW distance = 4 dependent = true
#pragma HLS DEPENDENCE variable = odd type = intra dependent = false
    clock.Tick();
    ReadCommand<P> command = {};
    if (walk_left != 0) {
      command = hwmap::Read(reads, clock);
      --walk_left;
    }
    WriteCommand<P> write = {};
    if (draining) write = hwmap::Read(writes, clock);
    // Each memory of sums is read once: where the block goes on, or where its results leave.
    std::int32_t before[Sizes<P>::kBlock], done[Sizes<P>::kBlock];
#pragma HLS ARRAY_PARTITION variable = before complete
#pragma HLS ARRAY_PARTITION variable = done complete
    const std::uint32_t even_pixel = is_odd ? write.pixel : command.pixel;
    const std::uint32_t odd_pixel = is_odd ? command.pixel : write.pixel;
  ReadSum:
    for (unsigned i = 0; i < Sizes<P>::kBlock; ++i) {
#pragma HLS UNROLL
      const std::int32_t even_sum = even[even_pixel][i], odd_sum = odd[odd_pixel][i];
      before[i] = is_odd ? odd_sum : even_sum;
      done[i] = is_odd ? even_sum : odd_sum;
    }
    // The weights that were loaded meanwhile.
    if (command.swap) {
    Swap:
      for (unsigned i = 0; i < Sizes<P>::kWeights; ++i) {
#pragma HLS UNROLL
        weights[i] = next[i];
      }
    }
    std::int8_t constant[P::kPortBytes] = {};
#pragma HLS ARRAY_PARTITION variable = constant complete
    if (command.loading != Loading::kNothing) ReadConstant<P>(constants, command.constant, constant);
    // Read, multiply, and add.
    if (command.reads) {
      std::uint64_t words[P::kBanks];
#pragma HLS ARRAY_PARTITION variable = words complete
      ReadArena<P>(arena, command.row, command.bank, command.low, command.high,
                   static_cast<std::int8_t>(row.pad_value), words);
      std::int32_t terms[Sizes<P>::kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = terms complete
      if (row.kind == StepKind::kMatrix) {
        ArrayTerms<P>(words, weights, terms);
      } else {
      Slide:
        for (unsigned lane = 0; lane < P::kVectorLanes; ++lane) {
#pragma HLS UNROLL
          columns[2][lane] = columns[1][lane];
          columns[1][lane] = columns[0][lane];
          columns[0][lane] = ByteOf(words[lane / kWordBytes], lane % kWordBytes);
        }
        LaneTerms<P>(row, columns, weights, command.first, command.again, terms);
      }
      if (command.complete) {
      AddTerm:
        for (unsigned i = 0; i < Sizes<P>::kBlock; ++i) {
#pragma HLS UNROLL
          const std::int32_t added = before[i] + terms[i];
          const std::int32_t larger = before[i] > terms[i] ? before[i] : terms[i];
          const std::int32_t later = row.kind == StepKind::kLargest ? larger : added;
          const std::int32_t sum = command.first ? terms[i] : later;
          if (is_odd) {
            odd[odd_pixel][i] = sum;
          } else {
            even[even_pixel][i] = sum;
          }
        }
      }
    }
    // Write what earlier blocks completed.
    if (draining) {
      ChannelMemory<P> leaving;
#pragma HLS ARRAY_PARTITION variable = leaving complete
    LeavingByte:
      for (unsigned i = 0; i < Sizes<P>::kChannelSlots * P::kPortBytes; ++i) {
#pragma HLS UNROLL
        leaving[i] = is_odd ? even_channels[i] : odd_channels[i];
      }
      WriteResults<P>(row, write, done, leaving, table, held, arena);
      draining = !write.last;
    }
    // Keep the constants of what comes.
    if (command.loading == Loading::kWeights) Keep<P>(constant, command.slot, next);
    if (command.loading == Loading::kChannels && !is_odd) {
      Keep<P>(constant, command.slot, even_channels);
    }
    if (command.loading == Loading::kChannels && is_odd) {
      Keep<P>(constant, command.slot, odd_channels);
    }
    if (command.loading == Loading::kTable) Keep<P>(constant, command.slot, table);
    if (command.last) {
      draining = true;
      is_odd = !is_odd;
    }
    fetcher.Advance(program, constants, clock);
  }
}

/// Runs one step; `dram` is where rows of tensors can wait, or `NoSpills`.
template <typename P, typename Words, typename ReadCommands, typename WriteCommands, typename Dram>
void RunStep(ArenaMemory<P>& arena, ConstantMemory<P>& constants, SumMemory<P>& even,
             SumMemory<P>& odd, Words& program, ReadCommands& reads, WriteCommands& writes,
             Port<P::kBusBytes>& input, Port<P::kBusBytes>& output, Dram dram, Clock& clock) {
#pragma HLS INLINE
  Numbers<P, 2 * P::kMostSegments> segments;
#pragma HLS ARRAY_PARTITION variable = segments dim = 2 complete
  const Row row = ReadRow<P>(program, clock);
  SkipNumbers<P>(program, row.source_rows, clock);
  SkipNumbers<P>(program, row.target_rows, clock);
  ReadNumbers<P>(program, 2 * row.segments, segments, clock);
  Fetcher<P> fetcher(row.fetch_words, segments);
  clock.Skip(P::kOverheadCycles);
  if (row.kind == StepKind::kLoad) {
    Load<P>(row, fetcher, arena, constants, program, writes, input, clock);
  } else if (row.kind == StepKind::kStore) {
    Store<P>(row, fetcher, arena, constants, program, reads, output, clock);
  } else if (row.kind == StepKind::kFetch || row.kind == StepKind::kSpill ||
             row.kind == StepKind::kReload) {
    // Rows have the bus for themselves; constants come behind them.
    if (row.kind == StepKind::kSpill) Spill<P>(row, arena, reads, dram, clock);
    if (row.kind == StepKind::kReload) Reload<P>(row, arena, writes, dram, clock);
    Fetch<P>(row, fetcher, constants, program, clock);
  } else {
    Compute<P>(row, fetcher, arena, constants, even, odd, program, reads, writes, clock);
  }
}

}  // namespace hwmap
