#pragma once

// The engine: one matrix array and one set of vector lanes, driven by a table of steps.

#include <cstdint>

#include "hwmap/arena.hpp"
#include "hwmap/clock.hpp"
#include "hwmap/constants.hpp"
#include "hwmap/multiply.hpp"
#include "hwmap/requantize.hpp"
#include "hwmap/step.hpp"
#include "hwmap/stream.hpp"
#include "hwmap/walker.hpp"

namespace hwmap {

/// Sends `count` words of DRAM from `first` on, in one burst.
template <typename P, typename Constants>
void ReadConstants(const Bytes<P::kBusBytes>* dram, std::uint32_t first, std::uint32_t count,
                   Constants& constants, Clock& clock) {
  clock.Skip(P::kDramLatencyCycles);
Burst:
  for (std::uint32_t i = 0; i < count; ++i) {
#pragma HLS PIPELINE II = 1
    hwmap::Write(constants, dram[first + i], clock);
    clock.Tick();
  }
}

/// P holds the sizes of a design (params.hpp).
template <typename P>
class Engine {
  static_assert((P::kPe & (P::kPe - 1)) == 0 && (P::kSimd & (P::kSimd - 1)) == 0,
                "Engine: PE and SIMD must be powers of two.");
  static_assert(P::kPe % P::kRequantLanes == 0 && P::kVectorLanes % P::kRequantLanes == 0,
                "Engine: requantizer lanes must divide PE and the vector lanes.");
  static_assert(P::kPe * P::kSimd % P::kVectorLanes == 0,
                "Engine: a weight word must hold whole slices for the vector lanes.");

 public:
  using Word = Bytes<P::kBusBytes>;

  using Tables = const std::int8_t (&)[P::kTables][256];

  /// Runs `count` steps. Every result lane has its copy of the lookup tables.
  template <typename Constants, typename Input, typename Output>
  void Run(const Step* steps, unsigned count, Tables tables, Constants& constants, Input& input,
           Output& output, Clock& clock) {
    if (P::kFetchedBusWords != 0) WaitForWord(constants, clock);
  Steps:
    for (unsigned i = 0; i < count; ++i) {
      const Step step = steps[i];
      clock.Skip(P::kStepOverheadCycles);
      switch (step.kind) {
        case StepKind::kLoad:
          Load(step, constants, input, clock);
          break;
        case StepKind::kStore:
          Store(step, constants, output, clock);
          break;
        default:
          Compute(step, tables, constants, clock);
      }
      clock.Mark();
    }
  }

  /// Fills the resident part of the constant memories: once, before the first image.
  template <typename Constants>
  void LoadResident(const Fetch& resident, Constants& constants, Clock& clock) {
    Fetcher<P> fetcher(resident);
  Resident:
    while (!fetcher.Done()) {
#pragma HLS PIPELINE II = 1
      clock.Tick();
      fetcher.Advance(constants, weights_, channels_, clock);
    }
  }

 private:
  static constexpr unsigned kLanes = P::kArenaLanes;
  static constexpr unsigned kBlock = P::kPe > P::kVectorLanes ? P::kPe : P::kVectorLanes;
  static constexpr std::int32_t kBusBytes = P::kBusBytes;

  /// A block whose sums are complete, on its way through the requantizer.
  struct Drain {
    std::uint32_t left = 0;
    std::int32_t address = 0;
    std::int32_t channels_left = 0;
    std::uint32_t channel_address = 0;
  };

  template <typename Constants, typename Input>
  void Load(const Step& step, Constants& constants, Input& input, Clock& clock) {
    Fetcher<P> fetcher(step.fetch);
    std::int32_t left = static_cast<std::int32_t>(step.stream_bytes);
    std::int32_t address = step.target_address;
  LoadWord:
    while (left > 0 || !fetcher.Done()) {
#pragma HLS PIPELINE II = 1
      clock.Tick();
      fetcher.Advance(constants, weights_, channels_, clock);
      if (left > 0) {
        const Word word = hwmap::Read(input, clock);
        arena_.Write(address, word, static_cast<unsigned>(left < kBusBytes ? left : kBusBytes));
        address += kBusBytes;
        left -= kBusBytes;
      }
    }
  }

  template <typename Constants, typename Output>
  void Store(const Step& step, Constants& constants, Output& output, Clock& clock) {
    Fetcher<P> fetcher(step.fetch);
    std::int32_t left = static_cast<std::int32_t>(step.stream_bytes);
    std::int32_t address = step.first_row_address;
    const std::int32_t end = address + left;
  StoreWord:
    while (left > 0 || !fetcher.Done()) {
#pragma HLS PIPELINE II = 1
      clock.Tick();
      fetcher.Advance(constants, weights_, channels_, clock);
      if (left > 0) {
        const Bytes<kLanes> bytes = arena_.Read(address, address, end, 0);
        Word word;
      StoreByte:
        for (unsigned i = 0; i < P::kBusBytes; ++i) {
#pragma HLS UNROLL
          word.at[i] = bytes.at[i];
        }
        hwmap::Write(output, word, clock);
        address += kBusBytes;
        left -= kBusBytes;
      }
    }
  }

  template <typename Constants>
  void Compute(const Step& step, Tables tables, Constants& constants, Clock& clock) {
    Fetcher<P> fetcher(step.fetch);
    Walker<P> walker(step);
    Drain drain;
    std::int32_t sum[kBlock] = {};
    std::int32_t complete[kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = sum complete
#pragma HLS ARRAY_PARTITION variable = complete complete
    std::int32_t held[P::kVectorLanes] = {};
#pragma HLS ARRAY_PARTITION variable = held complete
  ComputeTrip:
    while (!walker.Done() || drain.left != 0 || !fetcher.Done()) {
#pragma HLS PIPELINE II = 1
      clock.Tick();
      fetcher.Advance(constants, weights_, channels_, clock);
      if (drain.left != 0) DrainLanes(step, tables, drain, complete);
      if (!walker.Done()) {
        if (walker.HasTerm()) AddTerm(step, walker, sum, held);
        if (walker.IsLastTrip()) {
          drain = {step.drains, walker.TargetAddress(), walker.channels_left(),
                   walker.channel_address()};
        Complete:
          for (unsigned i = 0; i < kBlock; ++i) {
#pragma HLS UNROLL
            complete[i] = sum[i];
          }
        }
        walker.Advance();
      }
    }
  }

  /// Adds one term of the dot product to every sum of the block.
  void AddTerm(const Step& step, const Walker<P>& walker, std::int32_t (&sum)[kBlock],
               std::int32_t (&held)[P::kVectorLanes]) {
#pragma HLS INLINE
    const Bytes<kLanes> x = arena_.Read(walker.Address(), walker.RowBegin(), walker.RowEnd(),
                                        step.pad_value);
    const auto weights = weights_.Read(walker.weight_address());
    if (step.kind == StepKind::kMatrix) {
      // Two output channels share every activation, and so a DSP slice. A single one has a twin of
      // weight 0, which synthesis removes.
      constexpr unsigned kTwin = P::kPe == 1 ? 0 : 1;
    MatrixPe:
      for (unsigned pe = 0; pe < P::kPe; pe += 1 + kTwin) {
#pragma HLS UNROLL
        std::int32_t first = 0;
        std::int32_t second = 0;
      MatrixSimd:
        for (unsigned i = 0; i < P::kSimd; ++i) {
#pragma HLS UNROLL
          const std::int8_t twin = kTwin == 0 ? 0 : weights.at[(pe + kTwin) * P::kSimd + i];
          const Products both = MultiplyPair(weights.at[pe * P::kSimd + i], twin, x.at[i]);
          first += both.first;
          second += both.second;
        }
        const bool start = walker.IsFirstTerm();
        sum[pe] = (start ? 0 : sum[pe]) + first;
        if (kTwin != 0) sum[pe + kTwin] = (start ? 0 : sum[pe + kTwin]) + second;
      }
      return;
    }
  VectorLane:
    for (unsigned lane = 0; lane < P::kVectorLanes; ++lane) {
#pragma HLS UNROLL
      const std::int32_t weight =
          weights.at[walker.weight_slice() * P::kVectorLanes + lane];
      // A 22-bit operand and an 8-bit value fit one DSP slice.
      const std::int32_t factor = step.operand[walker.IsFirstTerm() ? 0 : 1];
      const std::int32_t operand =
          Signed<kAddBits + 1>(step.kind == StepKind::kDepthwise ? weight : factor);
      const std::int32_t value = x.at[lane];
      const std::int32_t before = walker.IsFirstTerm() ? 0 : sum[lane];
      if (step.kind == StepKind::kMaxPool) {
        sum[lane] = walker.IsFirstTerm() || value > before ? value : before;
      } else if (step.kind == StepKind::kMul || step.kind == StepKind::kScale) {
        // The first factor waits in a register of its own, not in `sum`: the next trip needs it at
        // once, before a product could leave the multiplier.
        const std::int32_t centred = Signed<kCentredBits>(value - factor);
        sum[lane] = held[lane] * centred;
        if (walker.IsFirstTerm()) held[lane] = centred;
      } else {
        sum[lane] = before + operand * value;
      }
    }
  }

  /// Requantizes the next lanes of a complete block and writes them to the arena.
  void DrainLanes(const Step& step, Tables tables, Drain& drain,
                  std::int32_t (&complete)[kBlock]) {
#pragma HLS INLINE
    const auto constants = channels_.Read(drain.channel_address);
    const bool per_channel = step.kind == StepKind::kMatrix || step.kind == StepKind::kDepthwise;
    Bytes<P::kRequantLanes> result;
  Requant:
    for (unsigned i = 0; i < P::kRequantLanes; ++i) {
#pragma HLS UNROLL
      const Channel own = UnpackChannel(&constants.at[i * kChannelBytes]);
      const Channel shared = {step.bias, step.multiplier, step.shift};
      const Channel channel = per_channel ? own : shared;
      const std::int8_t level = Requantize(complete[i] + channel.bias, channel.multiplier,
                                           channel.shift, step.zero_point, step.low, step.high);
      result.at[i] =
          step.kind == StepKind::kLookup ? tables[step.table][level + 128] : level;
    }
  Shift:
    for (unsigned i = 0; i < kBlock; ++i) {
#pragma HLS UNROLL
      complete[i] = i + P::kRequantLanes < kBlock ? complete[(i + P::kRequantLanes) % kBlock] : 0;
    }
    constexpr std::int32_t kWidth = P::kRequantLanes;
    if (drain.channels_left > 0) {
      const std::int32_t count = drain.channels_left < kWidth ? drain.channels_left : kWidth;
      arena_.Write(drain.address, result, static_cast<unsigned>(count));
    }
    drain.address += kWidth;
    drain.channels_left -= kWidth;
    if (per_channel) ++drain.channel_address;
    --drain.left;
  }

  Arena<P::kArenaRows, P::kArenaLanes> arena_;
  typename Fetcher<P>::Weights weights_;
  typename Fetcher<P>::Channels channels_;
};

}  // namespace hwmap
