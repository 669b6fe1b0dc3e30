#include "hwmap/multiply.hpp"

#include "check.hpp"

int main() {
  for (int first = -128; first <= 127; ++first) {
    for (int second = -128; second <= 127; ++second) {
      for (int x = -128; x <= 127; ++x) {
        const hwmap::Products both =
            hwmap::MultiplyPair(static_cast<std::int8_t>(first), static_cast<std::int8_t>(second),
                                static_cast<std::int8_t>(x));
        CHECK(both.first == first * x && both.second == second * x);
      }
    }
  }
}
