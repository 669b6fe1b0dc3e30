#include "hwmap/channel.hpp"

#include "check.hpp"

int main() {
  const std::int8_t bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, -2, -1, -1, -1, 5, 0, 1, 9};
  const hwmap::Channel channel = hwmap::UnpackChannel(bytes, hwmap::kChannelBytes);
  CHECK(channel.bias == -2 && channel.multiplier == 65541 && channel.shift == 9);
}
