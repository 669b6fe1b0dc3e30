#pragma once

// Kernels that read single pixels from a row memory, wherever they are: selections of rows, columns
// and channels, and blends of two neighbours. Tables say where.

#include <cstdint>

#include "hwmap/chain.hpp"
#include "hwmap/count.hpp"
#include "hwmap/fifo.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/requantize.hpp"

namespace hwmap {

constexpr unsigned kBlendBits = 13;

/// The loops: output rows and columns, words of a pixel, and taps.
template <typename P>
class Places {
 public:
  bool begins() const { return step_.at() == 0; }
  bool ends() const { return step_.last(); }
  /// The number of a tap of this trip.
  std::uint32_t tap(unsigned tap) const { return step_.at() * P::kTaps + tap; }
  /// The factor of a tap.
  std::int32_t factor(unsigned i) const {
    return P::Factor(tap(i), P::kAxis == 0 ? row_.at() : column_.at());
  }
  /// The place of the word in the tables of channels.
  std::uint32_t word() const { return phase_row_.at() + phase_column_.at() + word_.at(); }

  /// Where the pixel of a tap lies in the row memory, and its word that has the channel of a lane.
  std::uint32_t Address(unsigned i, unsigned lane) const {
#pragma HLS INLINE
    const std::uint32_t row = Wrapped(static_cast<std::uint32_t>(image_) + P::Row(tap(i), row_.at()));
    const std::uint32_t pixel = Wrapped(row + P::Column(tap(i), column_.at()));
    return Wrapped(pixel + P::Word(lane, word()));
  }

  void Next() {
#pragma HLS INLINE
    const bool words_end = step_.last() && word_.last();
    const bool row_ends = words_end && column_.last();
    const bool image_ends = row_ends && row_.last();
    if (image_ends) {
      image_ = Wrapped(static_cast<std::uint32_t>(image_) + P::kWords % P::kMemoryWords);
    }
    if (row_ends) {
      const bool phases_end = vertical_.last() || row_.last();
      phase_row_.Next(phases_end);
      if (phases_end) {
        vertical_ = Count<P::kPhaseRows>();
      } else {
        vertical_.Next();
      }
      row_.Next();
    }
    if (words_end) {
      const bool phases_end = horizontal_.last() || column_.last();
      phase_column_.Next(phases_end);
      if (phases_end) {
        horizontal_ = Count<P::kPhaseColumns>();
      } else {
        horizontal_.Next();
      }
      column_.Next();
    }
    if (step_.last()) word_.Next();
    step_.Next();
  }

 private:
  static constexpr unsigned kPhaseWords = P::kPhaseColumns * P::kWordsOut;

  static std::uint32_t Wrapped(std::uint32_t address) {
#pragma HLS INLINE
    return address >= P::kMemoryWords ? address - P::kMemoryWords : address;
  }

  Count<P::kSteps> step_;
  Count<P::kWordsOut> word_;
  Count<P::kColumnsOut> column_;
  Count<P::kRowsOut> row_;
  Count<P::kPhaseColumns> horizontal_;
  Count<P::kPhaseRows> vertical_;
  Offset<P::kWordsOut, kPhaseWords> phase_column_;
  Offset<kPhaseWords, P::kPhaseRows * kPhaseWords> phase_row_;
  UInt<BitsFor(P::kMemoryWords - 1)> image_ = 0;
};

/// A lane of the output from what was read: straight, lane for lane ...
template <typename P, bool Straight = P::kStraight != 0>
struct Chosen {
  static std::int8_t Of(const std::int8_t (&read)[P::kCopies][P::kLanes], const Places<P>&,
                        unsigned lane) {
#pragma HLS INLINE
    return read[0][lane];
  }
};

/// ... or the lane that the tables say, of a word of its own.
template <typename P>
struct Chosen<P, false> {
  static std::int8_t Of(const std::int8_t (&read)[P::kCopies][P::kLanes], const Places<P>& places,
                        unsigned lane) {
#pragma HLS INLINE
    const std::uint32_t wanted = static_cast<std::uint32_t>(P::Lane(lane, places.word()));
    std::int8_t value = read[lane][0];
  Candidate:
    for (unsigned i = 1; i < P::kLanes; ++i) {
#pragma HLS UNROLL
      if (wanted == i) value = read[lane][i];
    }
    return value;
  }
};

/// Takes the next word of the input, and stores it in every copy of the row memory.
template <typename P, typename Input>
void TakeCopies(Input& input, Count<P::kMemoryWords>& arrival,
                std::int8_t (&memory)[P::kCopies][P::kMemoryWords][P::kLanes], Clock& clock) {
#pragma HLS INLINE
  const Bytes<P::kLanes> arriving = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = arriving
StoreCopy:
  for (unsigned copy = 0; copy < P::kCopies; ++copy) {
#pragma HLS UNROLL
  StoreLane:
    for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
      memory[copy][arrival.at()][lane] = arriving.at[lane];
    }
  }
  arrival.Next();
}

/// The loop of a selection. Straight: the lanes of a word are those of one word of the row memory;
/// else every lane has a copy of its own, and chooses.
template <typename P, typename Input, typename Output>
void RunPick(std::int8_t (&memory)[P::kCopies][P::kMemoryWords][P::kLanes], Input& input,
             Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  Places<P> places;
  Count<P::kMemoryWords> arrival;
  Pace<P::kWords, P::kTrips> arriving;
  Pace<P::kComputing, P::kTrips> computing;
Trip:
  for (Run<P::kTrips, P::kLead> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = memory type = intra dependent = false
#pragma HLS DEPENDENCE variable = memory type = inter direction = RAW distance = 4 dependent = true
#pragma HLS DEPENDENCE variable = memory type = inter direction = WAR dependent = false
    std::int8_t read[P::kCopies][P::kLanes];
#pragma HLS ARRAY_PARTITION variable = read complete dim = 0
  Copy:
    for (unsigned copy = 0; copy < P::kCopies; ++copy) {
#pragma HLS UNROLL
      const std::uint32_t address = places.Address(0, copy);
    Lane:
      for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
        read[copy][lane] = memory[copy][address][lane];
      }
    }
    Bytes<P::kLanes> word;
#pragma HLS AGGREGATE variable = word
  Choose:
    for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
      word.at[lane] = Chosen<P>::Of(read, places, lane);
    }
    if (run.computing() && computing.Next()) {
      WriteFifo(output, word, clock);
      places.Next();
    }
    if (run.arriving() && arriving.Next()) TakeCopies<P>(input, arrival, memory, clock);
    clock.Tick();
  }
}

/// The loop of a blend: the taps of a pixel, each less the zero point and times its factor, are
/// added up and requantized.
template <typename P, typename Input, typename Output>
void RunBlend(const Numbers& numbers,
              std::int8_t (&memory)[P::kCopies][P::kMemoryWords][P::kLanes], Input& input,
              Output& output, std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  Places<P> places;
  Count<P::kMemoryWords> arrival;
  Pace<P::kWords, P::kTrips> arriving;
  Pace<P::kComputing, P::kTrips> computing;
  SInt<P::kSumBits> sums[P::kLanes] = {};
#pragma HLS ARRAY_PARTITION variable = sums complete
Trip:
  for (Run<P::kTrips, P::kLead> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = memory type = intra dependent = false
#pragma HLS DEPENDENCE variable = memory type = inter direction = RAW distance = 4 dependent = true
#pragma HLS DEPENDENCE variable = memory type = inter direction = WAR dependent = false
    std::int8_t read[P::kTaps][P::kLanes];
#pragma HLS ARRAY_PARTITION variable = read complete dim = 0
    std::int32_t factor[P::kTaps];
#pragma HLS ARRAY_PARTITION variable = factor complete
  Tap:
    for (unsigned tap = 0; tap < P::kTaps; ++tap) {
#pragma HLS UNROLL
      factor[tap] = static_cast<std::int32_t>(LowSigned<kBlendBits>(places.factor(tap)));
      const std::uint32_t address = places.Address(tap, 0);
    Lane:
      for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
        read[tap][lane] = memory[tap][address][lane];
      }
    }
    if (run.computing() && computing.Next()) {
      Bytes<P::kLanes> word;
#pragma HLS AGGREGATE variable = word
    Blend:
      for (unsigned lane = 0; lane < P::kLanes; ++lane) {
#pragma HLS UNROLL
        std::int32_t sum = Select(places.begins(), 0, sums[lane]);
      Term:
        for (unsigned tap = 0; tap < P::kTaps; ++tap) {
#pragma HLS UNROLL
          const std::int64_t centred = LowSigned<kCentredBits>(read[tap][lane] - numbers.first_zero);
          sum += static_cast<std::int32_t>(centred) * factor[tap];
        }
        sums[lane] = sum;
        word.at[lane] = Requantize<P::kSumBits, P::kMostShift, P::kLeft>(
            sum, static_cast<std::uint32_t>(numbers.first_factor), numbers.shift,
            numbers.zero_point, numbers.low, numbers.high);
      }
      if (places.ends()) WriteFifo(output, word, clock);
      places.Next();
    }
    if (run.arriving() && arriving.Next()) TakeCopies<P>(input, arrival, memory, clock);
    clock.Tick();
  }
}

}  // namespace hwmap
