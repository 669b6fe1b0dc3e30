// The accelerator for 'chain' on pynq-z2 at 100 MHz:
// one process streams constants from DRAM, the other runs the steps of steps.hpp.

#include "top.hpp"

#include "hwmap/engine.hpp"
#include "steps.hpp"
#include "tables.hpp"

namespace {

using hwmap::Clock;
using hwmap::Params;
using hwmap::Word;
using Constants = hwmap::Stream<Word, Params::kFetchFifoWords>;

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
std::vector<std::uint64_t> step_ends;
#endif

void FeedConstants(const Word* dram, Constants& constants, bool load_resident) {
  Clock clock;
  const std::uint32_t first = load_resident ? 0 : Params::kResidentBusWords;
  const std::uint32_t count =
      load_resident ? Params::kResidentBusWords : Params::kFetchedBusWords;
  hwmap::ReadConstants<Params>(dram, first, count, constants, clock);
}

void RunSteps(Constants& constants, hwmap::Stream<Word, 0>& input,
              hwmap::Stream<Word, 0>& output, bool load_resident) {
  static hwmap::Engine<Params> engine;
  Clock clock;
  if (load_resident) {
    engine.LoadResident(hwmap::kResident, constants, clock);
  } else {
    engine.Run(hwmap::kSteps, Params::kSteps, hwmap::kTables, constants, input, output, clock);
  }
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
  step_ends = clock.marks();
#endif
}

}  // namespace

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
const std::vector<std::uint64_t>& LastStepEnds() { return step_ends; }
#endif

void hwmap_top(const Word* dram, hwmap::Stream<Word, 0>& input, hwmap::Stream<Word, 0>& output,
    bool load_resident) {
#pragma HLS INTERFACE m_axi port = dram offset = slave bundle = constants depth = 440
#pragma HLS INTERFACE axis port = input
#pragma HLS INTERFACE axis port = output
#pragma HLS INTERFACE s_axilite port = load_resident
#pragma HLS INTERFACE s_axilite port = return
#pragma HLS DATAFLOW
  Constants constants;
  FeedConstants(dram, constants, load_resident);
  RunSteps(constants, input, output, load_resident);
}
