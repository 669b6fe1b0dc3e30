// The accelerator for 'chain' on pynq-z2 at 100 MHz. Three
// processes: one streams constants from DRAM, one walks addresses, and the engine runs the steps of
// steps.hpp.

#include "top.hpp"

#include "hwmap/engine.hpp"
#include "steps.hpp"

// A local array of a few megabytes does not fit the stack of a C simulation.
#ifdef __SYNTHESIS__
#define HWMAP_MEMORY
#else
#define HWMAP_MEMORY static
#endif

namespace {

using hwmap::Clock;
using hwmap::Params;
using hwmap::Word;
using Constants = hwmap::Stream<Word, Params::kFetchFifoWords>;
using Commands = hwmap::Stream<hwmap::Command<Params>, Params::kCommandFifoWords>;
using Port = hwmap::Port<Params::kBusBytes>;

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
std::vector<std::vector<std::uint64_t>> step_ends;
#endif

void FeedConstants(const Word* dram, std::uint32_t images, Constants& constants) {
  Clock clock;
  hwmap::ReadDram<Params>(dram, 0, Params::kResidentBusWords, constants, clock);
FeedImage:
  for (std::uint32_t image = 0; image < images; ++image) {
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1422
    hwmap::ReadDram<Params>(dram, Params::kResidentBusWords, Params::kFetchedBusWords, constants,
                            clock);
  }
}

void WalkSteps(std::uint32_t images, Commands& commands) {
  Clock clock;
WalkImage:
  for (std::uint32_t image = 0; image < images; ++image) {
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1422
    hwmap::WalkImage<Params>(hwmap::kSteps, commands, clock);
  }
}

void RunSteps(std::uint32_t images, Constants& constants, Commands& commands, Port& input,
              Port& output) {
  HWMAP_MEMORY std::int8_t arena[Params::kArenaRows][Params::kArenaLanes];
#pragma HLS ARRAY_PARTITION variable = arena dim = 2 complete
#pragma HLS BIND_STORAGE variable = arena type = ram_s2p impl = bram
  HWMAP_MEMORY hwmap::WeightMemory<Params> weights;
#pragma HLS ARRAY_PARTITION variable = weights dim = 2 complete
#pragma HLS ARRAY_RESHAPE variable = weights dim = 3 complete
#pragma HLS BIND_STORAGE variable = weights type = ram_s2p impl = bram
  HWMAP_MEMORY hwmap::ChannelMemory<Params> channels;
#pragma HLS ARRAY_PARTITION variable = channels dim = 2 complete
#pragma HLS ARRAY_RESHAPE variable = channels dim = 3 complete
#pragma HLS BIND_STORAGE variable = channels type = ram_s2p impl = bram
  // A read port for every result.
  static const std::int8_t tables[Params::kTables][256] =
#include "tables.inc"
      ;
#pragma HLS BIND_STORAGE variable = tables type = rom_np impl = bram

  Clock clock;
  hwmap::LoadResident<Params>(hwmap::kResident, weights, channels, constants, clock);
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
  step_ends.clear();
#endif
RunImage:
  for (std::uint32_t image = 0; image < images; ++image) {
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1422
    clock.Restart();
    hwmap::RunImage<Params>(hwmap::kSteps, arena, weights, channels, tables, constants, commands,
                            input, output, clock);
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
    step_ends.push_back(clock.marks());
#endif
  }
}

}  // namespace

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
const std::vector<std::vector<std::uint64_t>>& LastStepEnds() { return step_ends; }
#endif

void hwmap_top(const Word* dram, Port& input, Port& output, std::uint32_t images) {
#pragma HLS INTERFACE m_axi port = dram offset = slave bundle = constants depth = 440
#pragma HLS INTERFACE axis port = input
#pragma HLS INTERFACE axis port = output
#pragma HLS INTERFACE s_axilite port = images
#pragma HLS INTERFACE s_axilite port = return
#pragma HLS DATAFLOW
  Constants constants;
  Commands commands;
#pragma HLS BIND_STORAGE variable = constants type = fifo impl = bram
#pragma HLS BIND_STORAGE variable = commands type = fifo impl = srl
  FeedConstants(dram, images, constants);
  WalkSteps(images, commands);
  RunSteps(images, constants, commands, input, output);
}
