#pragma once

// What the emitted project uses of Vitis HLS's ap_axi_sdata.h: a word of an AXI stream, read and
// written by the byte.

#include <cstdint>
#include <cstdlib>

template <int Bits, int User, int Id, int Dest>
struct ap_axiu {
  class Byte {
   public:
    explicit Byte(std::uint8_t& byte) : byte_(byte) {}
    int to_int() const { return byte_; }
    void operator=(std::uint8_t value) { byte_ = value; }

   private:
    std::uint8_t& byte_;
  };

  struct Data {
    mutable std::uint8_t bytes[Bits / 8] = {};
    Byte range(int high, int low) const {
      if (low % 8 != 0 || high != low + 7 || high >= Bits) std::abort();
      return Byte(bytes[low / 8]);
    }
  };

  Data data;
  int keep = 0;
  int strb = 0;
  int last = 0;
};
