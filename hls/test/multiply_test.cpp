#include "hwmap/multiply.hpp"

#include "check.hpp"

using hwmap::DotProducts;

// One term: every pair of weights, and every byte.
template <unsigned Operand, unsigned Shift, int Least>
void OneTerm() {
  for (int first = Least; first <= 127; ++first) {
    for (int second = Least; second <= 127; ++second) {
      for (int x = -128; x <= 127; ++x) {
        const std::int8_t a[1] = {static_cast<std::int8_t>(first)};
        const std::int8_t b[1] = {static_cast<std::int8_t>(second)};
        const std::int8_t c[1] = {static_cast<std::int8_t>(x)};
        const DotProducts both = hwmap::MultiplyCascade<Operand, Shift, 1>(a, b, c);
        CHECK(both.first == first * x && both.second == second * x);
      }
    }
  }
}

// As many terms as fit, of the largest products of either sign.
template <unsigned Operand, unsigned Shift, unsigned Terms, int Least>
void MostTerms() {
  const int extremes[2] = {Least, Least == -128 ? 127 : -Least};
  for (const int first : extremes) {
    for (const int second : extremes) {
      for (int x = -128; x <= 127; x += 255) {
        std::int8_t a[Terms], b[Terms], c[Terms];
        for (unsigned i = 0; i < Terms; ++i) {
          a[i] = static_cast<std::int8_t>(first);
          b[i] = static_cast<std::int8_t>(second);
          c[i] = static_cast<std::int8_t>(x);
        }
        const DotProducts both = hwmap::MultiplyCascade<Operand, Shift, Terms>(a, b, c);
        const int terms = static_cast<int>(Terms);
        CHECK(both.first == terms * first * x && both.second == terms * second * x);
      }
    }
  }
}

// Cascades that do not divide the length.
void AnyLength() {
  std::int8_t first[16], second[16], x[16];
  unsigned state = 1;
  for (int trial = 0; trial < 1000; ++trial) {
    std::int32_t expected[2] = {0, 0};
    for (unsigned i = 0; i < 16; ++i) {
      state = state * 1664525u + 1013904223u;
      first[i] = static_cast<std::int8_t>(state >> 24);
      second[i] = static_cast<std::int8_t>(state >> 16);
      x[i] = static_cast<std::int8_t>(state >> 8);
      expected[0] += first[i] * x[i];
      expected[1] += second[i] * x[i];
    }
    const DotProducts seven = hwmap::MultiplyPair<27, 18, 7>(first, second, x);
    CHECK(seven.first == expected[0] && seven.second == expected[1]);
    const DotProducts one = hwmap::MultiplyPair<25, 16, 1>(first, second, x);
    CHECK(one.first == expected[0] && one.second == expected[1]);
  }
}

int main() {
  OneTerm<25, 16, -128>();  // DSP48E1, weights with -128
  OneTerm<25, 17, -127>();  // DSP48E1
  OneTerm<27, 18, -128>();  // DSP48E2
  MostTerms<25, 16, 1, -128>();
  MostTerms<25, 17, 4, -127>();
  MostTerms<27, 18, 7, -128>();
  MostTerms<27, 18, 8, -127>();
  AnyLength();
}
