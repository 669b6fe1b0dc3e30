#pragma once

// A program on its way from DRAM: its header, rows, pointers, segments and constants.

#include <cstdint>

#include "hwmap/integer.hpp"
#include "hwmap/row.hpp"
#include "hwmap/sizes.hpp"
#include "hwmap/stream.hpp"

namespace hwmap {

constexpr unsigned kHeaderBytes = 24;

/// What a program begins with: how many steps there are, and words of them with their constants,
/// that run once, and for every image.
struct Header {
  std::uint32_t magic;
  std::uint32_t signature;
  std::uint32_t once_steps;
  std::uint32_t image_steps;
  std::uint32_t once_words;
  std::uint32_t image_words;
};

template <unsigned N>
Header ParseHeader(const std::int8_t (&bytes)[N]) {
#pragma HLS INLINE
  return {static_cast<std::uint32_t>(Field<0, 4, false>(bytes)),
          static_cast<std::uint32_t>(Field<4, 4, false>(bytes)),
          static_cast<std::uint32_t>(Field<8, 4, false>(bytes)),
          static_cast<std::uint32_t>(Field<12, 4, false>(bytes)),
          static_cast<std::uint32_t>(Field<16, 4, false>(bytes)),
          static_cast<std::uint32_t>(Field<20, 4, false>(bytes))};
}

/// Bus words that hold so many bytes.
template <typename P>
constexpr unsigned BusWords(unsigned bytes) {
  return CeilDiv(bytes, P::kBusBytes);
}

/// Shifts a bus word into the end of `bytes`.
template <typename P, unsigned N>
void ShiftIn(std::int8_t (&bytes)[N], const Bytes<P::kBusBytes>& word) {
#pragma HLS INLINE
ShiftByte:
  for (unsigned i = 0; i < N; ++i) {
#pragma HLS UNROLL
    const bool last = i + P::kBusBytes >= N;
    bytes[i] = last ? word.at[(i + P::kBusBytes) % P::kBusBytes] : bytes[(i + P::kBusBytes) % N];
  }
}

/// Reads the bus words that fill `bytes`.
template <typename P, unsigned N, typename Words>
void ReadBytes(Words& words, std::int8_t (&bytes)[N], Clock& clock) {
#pragma HLS INLINE
  constexpr unsigned kWords = N / P::kBusBytes;
BytesWord:
  for (unsigned i = 0; i < kWords; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = kWords max = kWords
    clock.Tick();
    ShiftIn<P>(bytes, hwmap::Read(words, clock));
  }
}

template <typename P, typename Words>
Header ReadHeader(Words& words, Clock& clock) {
#pragma HLS INLINE
  std::int8_t bytes[BusWords<P>(kHeaderBytes) * P::kBusBytes] = {};
#pragma HLS ARRAY_PARTITION variable = bytes complete
  ReadBytes<P>(words, bytes, clock);
  return ParseHeader(bytes);
}

template <typename P, typename Words>
Row ReadRow(Words& words, Clock& clock) {
#pragma HLS INLINE
  std::int8_t bytes[BusWords<P>(kRowBytes) * P::kBusBytes] = {};
#pragma HLS ARRAY_PARTITION variable = bytes complete
  ReadBytes<P>(words, bytes, clock);
  return ParseRow(bytes);
}

/// 32-bit numbers of a bus word, and a memory of `Count` numbers as they stand in bus words.
template <typename P>
constexpr unsigned NumbersPerWord() {
  return P::kBusBytes / 4;
}
template <typename P, unsigned Count>
using Numbers = std::uint32_t[CeilDiv(Count, NumbersPerWord<P>())][NumbersPerWord<P>()];

template <unsigned Words, unsigned PerWord>
std::uint32_t NumberAt(const std::uint32_t (&numbers)[Words][PerWord], std::uint32_t index) {
#pragma HLS INLINE
  return numbers[index / PerWord][index % PerWord];
}

/// Reads `count` numbers from the stream, or past them.
template <typename P, unsigned Rows, unsigned PerWord, typename Words>
void ReadNumbers(Words& words, std::uint32_t count, std::uint32_t (&numbers)[Rows][PerWord],
                 Clock& clock) {
#pragma HLS INLINE
  std::uint32_t word = 0;
NumberWord:
  for (std::uint32_t left = CeilDiv(count, PerWord); left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = 64
    clock.Tick();
    const Bytes<P::kBusBytes> read = hwmap::Read(words, clock);
#pragma HLS AGGREGATE variable = read
  Number:
    for (unsigned i = 0; i < PerWord; ++i) {
#pragma HLS UNROLL
      std::uint32_t value = 0;
    NumberByte:
      for (unsigned j = 0; j < 4; ++j) {
#pragma HLS UNROLL
        value |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(read.at[4 * i + j])) << (8 * j);
      }
      numbers[word][i] = value;
    }
    ++word;
  }
}

template <typename P, typename Words>
void SkipNumbers(Words& words, std::uint32_t count, Clock& clock) {
#pragma HLS INLINE
SkippedWord:
  for (std::uint32_t left = CeilDiv(count, NumbersPerWord<P>()); left != 0; --left) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = 64
    clock.Tick();
    const Bytes<P::kBusBytes> read = hwmap::Read(words, clock);
#pragma HLS AGGREGATE variable = read
    (void)read;
  }
}

/// Sends a burst of DRAM: `count` words from `first` on. The words of rows go to the walks too.
template <typename P, typename Engine, typename Walk>
void SendBurst(const Bytes<P::kBusBytes>* program, std::uint32_t first, std::uint32_t count,
               Engine& engine, Walk& reads, Walk& writes, Clock& clock) {
#pragma HLS INLINE
  constexpr unsigned kRowWords = BusWords<P>(kRowBytes);
  constexpr unsigned kPerWord = NumbersPerWord<P>();
  std::int8_t bytes[kRowWords * P::kBusBytes] = {};
#pragma HLS ARRAY_PARTITION variable = bytes complete
  // Words that are left of the row's fields, of its lists, and of its constants.
  std::uint32_t fields = kRowWords, lists = 0, constants = 0;
  const Bytes<P::kBusBytes>* const burst = program + first;
  clock.Skip(P::kDramLatencyCycles);
Burst:
  for (std::uint32_t i = 0; i < count; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = 0 max = 1000000
    const Bytes<P::kBusBytes> word = burst[i];
#pragma HLS AGGREGATE variable = word
    hwmap::Write(engine, word, clock);
    const bool row = fields != 0 || lists != 0;
    if (row) {
      hwmap::Write(reads, word, clock);
      hwmap::Write(writes, word, clock);
    }
    if (fields != 0) {
      ShiftIn<P>(bytes, word);
      --fields;
      if (fields == 0) {
        const Row now = ParseRow(bytes);
        lists = CeilDiv(now.source_rows, kPerWord) + CeilDiv(now.target_rows, kPerWord) +
                CeilDiv(2 * now.segments, kPerWord);
        constants = now.fetch_words;
      }
    } else if (lists != 0) {
      --lists;
    } else {
      --constants;
    }
    if (fields == 0 && lists == 0 && constants == 0) fields = kRowWords;
    clock.Tick();
  }
}

/// The whole program: its header, what runs once, and what runs for every image.
template <typename P, typename Engine, typename Walk>
void FeedProgram(const Bytes<P::kBusBytes>* program, std::uint32_t images, Engine& engine,
                 Walk& reads, Walk& writes, Clock& clock) {
#pragma HLS INLINE
  constexpr unsigned kHeaderWords = BusWords<P>(kHeaderBytes);
  std::int8_t bytes[kHeaderWords * P::kBusBytes] = {};
#pragma HLS ARRAY_PARTITION variable = bytes complete
  clock.Skip(P::kDramLatencyCycles);
FeedHeader:
  for (unsigned i = 0; i < kHeaderWords; ++i) {
#pragma HLS PIPELINE II = 1 style = flp
#pragma HLS LOOP_TRIPCOUNT min = kHeaderWords max = kHeaderWords
    const Bytes<P::kBusBytes> word = program[i];
#pragma HLS AGGREGATE variable = word
    hwmap::Write(engine, word, clock);
    hwmap::Write(reads, word, clock);
    hwmap::Write(writes, word, clock);
    ShiftIn<P>(bytes, word);
    clock.Tick();
  }
  const Header header = ParseHeader(bytes);
  if (header.once_words != 0) {
    SendBurst<P>(program, kHeaderWords, header.once_words, engine, reads, writes, clock);
  }
FeedImage:
  for (std::uint32_t image = 0; image < images; ++image) {
#pragma HLS LOOP_TRIPCOUNT min = 1 max = 64
    SendBurst<P>(program, kHeaderWords + header.once_words, header.image_words, engine, reads,
                 writes, clock);
  }
}

}  // namespace hwmap
