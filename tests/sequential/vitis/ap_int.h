#pragma once

// What the emitted project uses of Vitis HLS's ap_int.h, so that the vendor's side of every #ifdef
// is compiled too. A value that does not fit the declared bits ends the program: the real types
// would drop bits in silence.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

template <int Bits, bool Signed>
class ap_fixed_width {
 public:
  ap_fixed_width() = default;
  template <typename T, typename = std::enable_if_t<std::is_integral<T>::value>>
  ap_fixed_width(T value) : value_(static_cast<std::int64_t>(value)) {
    static_assert(Bits >= 1 && Bits < 64, "native arithmetic has to be enough");
    const std::int64_t most = (std::int64_t{1} << (Signed ? Bits - 1 : Bits)) - 1;
    if (value_ > most || value_ < (Signed ? -most - 1 : 0)) {
      std::fprintf(stderr, "%lld does not fit %d bits\n", static_cast<long long>(value_), Bits);
      std::abort();
    }
  }
  operator std::int64_t() const { return value_; }
  ap_fixed_width& operator++() { return *this = ap_fixed_width(value_ + 1); }
  ap_fixed_width& operator--() { return *this = ap_fixed_width(value_ - 1); }

 private:
  std::int64_t value_ = 0;
};

template <int Bits>
using ap_int = ap_fixed_width<Bits, true>;
template <int Bits>
using ap_uint = ap_fixed_width<Bits, false>;
