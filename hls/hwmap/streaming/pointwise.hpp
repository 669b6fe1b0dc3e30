#pragma once

// Kernels without windows: every trip has a word.

#include <cstdint>

#include "hwmap/chain.hpp"
#include "hwmap/count.hpp"
#include "hwmap/fifo.hpp"
#include "hwmap/integer.hpp"
#include "hwmap/memory.hpp"
#include "hwmap/requantize.hpp"

namespace hwmap {

constexpr unsigned kFactorBits = 22;

/// A value times its factor. Where that is a power of two, `factor` is its exponent, below 2^Left, and
/// ~exponent if it is less than 0.
template <unsigned Left>
inline std::int64_t Scaled(std::int8_t value, std::int32_t factor) {
#pragma HLS INLINE
  constexpr unsigned kPlaces = BitsFor(Left == kMultiplied ? 0 : Left);
  const bool negative = factor < 0;
  const std::uint64_t places =
      LowUnsigned<kPlaces>(static_cast<std::uint64_t>(negative ? ~factor : factor));
  const std::int64_t own = negative ? -std::int64_t{value} : std::int64_t{value};
  return Left == kMultiplied
             ? LowSigned<kFactorBits>(factor) * value
             : static_cast<std::int64_t>(static_cast<std::uint64_t>(own) << places);
}

/// The sum of two values, each times the factor of its tensor; then one shift.
template <typename P>
struct Sum {
  static std::int8_t Of(const Numbers& numbers, std::int8_t first, std::int8_t second) {
#pragma HLS INLINE
    const std::int64_t sum = Scaled<P::kLeft>(first, numbers.first_factor) +
                             Scaled<P::kLeft>(second, numbers.second_factor) + numbers.bias;
    return Requantize<P::kSumBits, P::kMostShift, 0>(static_cast<std::int32_t>(sum), 1,
                                                     numbers.shift, numbers.zero_point,
                                                     numbers.low, numbers.high);
  }
};

/// The product of two values, each less its zero point, requantized.
template <typename P>
struct Product {
  static std::int8_t Of(const Numbers& numbers, std::int8_t first, std::int8_t second) {
#pragma HLS INLINE
    const std::int64_t left = LowSigned<kCentredBits>(first - numbers.first_zero);
    const std::int64_t right = LowSigned<kCentredBits>(second - numbers.second_zero);
    return Requantize<P::kSumBits, P::kMostShift, P::kLeft>(
        static_cast<std::int32_t>(left * right), static_cast<std::uint32_t>(numbers.first_factor),
        numbers.shift, numbers.zero_point, numbers.low, numbers.high);
  }
};

/// The loop of an addition or a multiplication of two tensors: `Combine` is Sum or Product.
template <typename P, template <typename> class Combine, typename First, typename Second,
          typename Output>
void RunJoin(const Numbers& numbers, First& first, Second& second, Output& output,
             std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const Bytes<P::kBlock> left = ReadFifo(first, clock);
#pragma HLS AGGREGATE variable = left
    const Bytes<P::kBlock> right = ReadFifo(second, clock);
#pragma HLS AGGREGATE variable = right
    Bytes<P::kBlock> word;
#pragma HLS AGGREGATE variable = word
  Lane:
    for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
      word.at[i] = Combine<P>::Of(numbers, left.at[i], right.at[i]);
    }
    WriteFifo(output, word, clock);
    clock.Tick();
  }
}

/// The loop of a multiplication by one factor per channel: the factors of an image come first.
template <typename P, typename Input, typename Factors, typename Output>
void RunScale(const Numbers& numbers, Input& input, Factors& factors, Output& output,
              std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  std::int8_t held[P::kPixelWords][P::kLanes];
#pragma HLS ARRAY_RESHAPE variable = held dim = 2 complete
#pragma HLS BIND_STORAGE variable = held type = ram_s2p impl = lutram
  Count<P::kPixelWords> word_of_pixel;
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = held type = intra dependent = false
    std::int8_t factor[P::kLanes];
#pragma HLS ARRAY_PARTITION variable = factor complete
    ReadMemory(held, word_of_pixel.at(), factor);
    if (run.trip() < P::kPixelWords) {
      const Bytes<P::kLanes> arriving = ReadFifo(factors, clock);
#pragma HLS AGGREGATE variable = arriving
    Hold:
      for (unsigned i = 0; i < P::kLanes; ++i) {
#pragma HLS UNROLL
        held[word_of_pixel.at()][i] = arriving.at[i];
      }
    } else {
      const Bytes<P::kBlock> values = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = values
      Bytes<P::kBlock> word;
#pragma HLS AGGREGATE variable = word
    Lane:
      for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
        word.at[i] = Product<P>::Of(numbers, values.at[i], factor[i % P::kLanes]);
      }
      WriteFifo(output, word, clock);
    }
    word_of_pixel.Next();
    clock.Tick();
  }
}

/// The loop of a lookup: a table for each lane.
template <typename P, typename Input, typename Output>
void RunTable(const std::int8_t (&table)[256][1], Input& input, Output& output,
              std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
Trip:
  for (Run<P::kTrips> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
    const Bytes<P::kBlock> values = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = values
    Bytes<P::kBlock> word;
#pragma HLS AGGREGATE variable = word
  Lane:
    for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
      word.at[i] = table[values.at[i] + 128][0];
    }
    WriteFifo(output, word, clock);
    clock.Tick();
  }
}

/// The loop of the average of a whole map: the sums of an image leave while the next one arrives.
/// `sums` and `complete` have a word for every word of a pixel. A word of `sums` is read again after
/// kDistance trips: those of a pixel, where they are enough for a memory.
template <typename P, typename Input, typename Output>
void RunReduce(const Numbers& numbers, SInt<P::kSumBits> (&sums)[P::kWordsOut][P::kBlock],
               SInt<P::kSumBits> (&complete)[P::kWordsOut][P::kBlock], Input& input, Output& output,
               std::uint32_t images, Clock& clock) {
#pragma HLS INLINE
  std::int8_t word[P::kBlock] = {};
#pragma HLS ARRAY_PARTITION variable = word complete
  Count<P::kWordsOut> at;
  Count<P::kPixelsIn> pixel;
  Count<P::kDrainTrips> part;
  Count<P::kWordsOut> drained;
  bool draining = false;
Trip:
  for (Run<P::kTrips, 0, P::kTail> run(images); run.more(); run.Next()) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = P::kTrips max = P::kTrips
#pragma HLS DEPENDENCE variable = sums type = intra dependent = false
#pragma HLS DEPENDENCE variable = sums type = inter direction = RAW distance = P::kWordsOut dependent = true
#pragma HLS DEPENDENCE variable = complete type = intra dependent = false
#pragma HLS DEPENDENCE variable = complete type = inter direction = RAW distance = P::kWordsOut dependent = true
    if (draining) {
      std::int8_t results[P::kResults];
#pragma HLS ARRAY_PARTITION variable = results complete
    Result:
      for (unsigned i = 0; i < P::kResults; ++i) {
#pragma HLS UNROLL
        std::int32_t sum = 0;
      Choose:
        for (unsigned j = i; j < P::kBlock; j += P::kResults) {
#pragma HLS UNROLL
          const std::int32_t own = complete[drained.at()][j];
          if (part.at() == j / P::kResults) sum = own;
        }
        results[i] = Requantize<P::kSumBits, P::kMostShift, P::kLeft>(
            sum + numbers.bias, static_cast<std::uint32_t>(numbers.first_factor), numbers.shift,
            numbers.zero_point, numbers.low, numbers.high);
      }
    Keep:
      for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
        if (part.at() == i / P::kResults) word[i] = results[i % P::kResults];
      }
      if (part.last()) {
        WriteFifo(output, PackWord(word), clock);
        draining = !drained.last();
        drained.Next();
      }
      part.Next();
    }
    if (run.arriving()) {
      const Bytes<P::kBlock> values = ReadFifo(input, clock);
#pragma HLS AGGREGATE variable = values
    Lane:
      for (unsigned i = 0; i < P::kBlock; ++i) {
#pragma HLS UNROLL
        const std::int32_t before = sums[at.at()][i];
        const std::int32_t sum = (pixel.at() == 0 ? 0 : before) + values.at[i];
        sums[at.at()][i] = sum;
        if (pixel.last()) complete[at.at()][i] = sum;
      }
      if (pixel.last() && at.last()) draining = true;
      if (at.last()) pixel.Next();
      at.Next();
    }
    clock.Tick();
  }
}

}  // namespace hwmap
