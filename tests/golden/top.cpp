// The accelerator for pynq-z2 at 100 MHz. Four processes: one reads the
// program from DRAM, two walk the addresses of what is read and written, and the engine runs the
// steps.

#include "top.hpp"

#include "hwmap/engine.hpp"

// A local array of a few megabytes does not fit the stack of a C simulation.
#ifdef __SYNTHESIS__
#define HWMAP_MEMORY
#else
#define HWMAP_MEMORY static
#endif

namespace {

using hwmap::Clock;
using hwmap::Header;
using hwmap::Params;
using hwmap::Word;
using Words = hwmap::Stream<Word, Params::kProgramFifoWords>;
// The walks never wait for a row: the engine takes the same words, and is later by its pipeline.
using WalkWords = hwmap::Stream<Word, Params::kProgramFifoWords, false>;
using Reads = hwmap::Stream<hwmap::ReadCommand<Params>, Params::kCommandFifoWords>;
using Writes = hwmap::Stream<hwmap::WriteCommand<Params>, Params::kCommandFifoWords>;
using Port = hwmap::Port<Params::kBusBytes>;

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
std::vector<std::vector<std::uint64_t>> step_ends;
#endif

void Feed(const Word* program, std::uint32_t images, Words& words, WalkWords& read_words,
          WalkWords& write_words) {
  Clock clock;
  hwmap::FeedProgram<Params>(program, images, words, read_words, write_words, clock);
}

void WalkAllReads(std::uint32_t images, WalkWords& words, Reads& commands) {
  Clock clock;
  const Header header = hwmap::ReadHeader<Params>(words, clock);
ReadSteps:
  for (std::uint32_t image = 0; image <= images; ++image) {
#pragma HLS LOOP_TRIPCOUNT min = 2 max = 65
    // First what runs once.
    const std::uint32_t steps = image == 0 ? header.once_steps : header.image_steps;
  ReadStep:
    for (std::uint32_t left = steps; left != 0; --left) {
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000
      hwmap::WalkReads<Params>(words, commands, clock);
    }
  }
}

void WalkAllWrites(std::uint32_t images, WalkWords& words, Writes& commands) {
  Clock clock;
  const Header header = hwmap::ReadHeader<Params>(words, clock);
WriteSteps:
  for (std::uint32_t image = 0; image <= images; ++image) {
#pragma HLS LOOP_TRIPCOUNT min = 2 max = 65
    // First what runs once.
    const std::uint32_t steps = image == 0 ? header.once_steps : header.image_steps;
  WriteStep:
    for (std::uint32_t left = steps; left != 0; --left) {
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000
      hwmap::WalkWrites<Params>(words, commands, clock);
    }
  }
}

void RunProgram(std::uint32_t images, Words& words, Reads& reads, Writes& writes, Port& input,
                Port& output) {
  HWMAP_MEMORY hwmap::ArenaMemory<Params> arena;
#pragma HLS ARRAY_PARTITION variable = arena dim = 2 complete
#pragma HLS BIND_STORAGE variable = arena type = ram_s2p impl = bram
  HWMAP_MEMORY hwmap::ConstantMemory<Params> constants;
#pragma HLS ARRAY_PARTITION variable = constants dim = 2 complete
#pragma HLS BIND_STORAGE variable = constants type = ram_s2p impl = bram
  HWMAP_MEMORY hwmap::SumMemory<Params> even, odd;
#pragma HLS ARRAY_PARTITION variable = even dim = 2 complete
#pragma HLS ARRAY_PARTITION variable = odd dim = 2 complete
#pragma HLS BIND_STORAGE variable = even type = ram_s2p impl = lutram
#pragma HLS BIND_STORAGE variable = odd type = ram_s2p impl = lutram

  Clock clock;
  const Header header = hwmap::ReadHeader<Params>(words, clock);
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
  step_ends.clear();
#endif
RunImage:
  for (std::uint32_t image = 0; image <= images; ++image) {
#pragma HLS LOOP_TRIPCOUNT min = 2 max = 65
    // First what runs once.
    const std::uint32_t steps = image == 0 ? header.once_steps : header.image_steps;
    if (image == 1) hwmap::WaitForWord(words, clock);
    clock.Restart();
  RunSteps:
    for (std::uint32_t left = steps; left != 0; --left) {
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 1000
      hwmap::RunStep<Params>(arena, constants, even, odd, words, reads, writes, input, output,
                             hwmap::NoSpills(), clock);
      clock.Mark();
    }
#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
    if (image != 0) step_ends.push_back(clock.marks());
#endif
  }
}

}  // namespace

#if defined(HWMAP_CYCLES) && !defined(HWMAP_VITIS)
const std::vector<std::vector<std::uint64_t>>& LastStepEnds() { return step_ends; }
#endif

void hwmap_top(const Word* program_words, Port& input_stream,
    Port& output_stream, std::uint32_t images) {
#pragma HLS INTERFACE m_axi port = program_words offset = slave bundle = program_words depth = 754
#pragma HLS INTERFACE axis port = input_stream
#pragma HLS INTERFACE axis port = output_stream
#pragma HLS INTERFACE s_axilite port = images
#pragma HLS INTERFACE s_axilite port = return
#pragma HLS DATAFLOW
  Words words;
  WalkWords read_words, write_words;
  Reads reads;
  Writes writes;
#pragma HLS BIND_STORAGE variable = words type = fifo impl = lutram
#pragma HLS BIND_STORAGE variable = read_words type = fifo impl = lutram
#pragma HLS BIND_STORAGE variable = write_words type = fifo impl = lutram
#pragma HLS BIND_STORAGE variable = reads type = fifo impl = srl
#pragma HLS BIND_STORAGE variable = writes type = fifo impl = srl
  Feed(program_words, images, words, read_words, write_words);
  WalkAllReads(images, read_words, reads);
  WalkAllWrites(images, write_words, writes);
  RunProgram(images, words, reads, writes, input_stream, output_stream);
}
