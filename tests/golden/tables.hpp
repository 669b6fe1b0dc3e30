#pragma once

// The lookup tables of 'chain': y for x = -128, -127 ... 127.

#include <cstdint>

#include "params.hpp"

namespace hwmap {

constexpr std::int8_t kTables[Params::kTables][256] = {};

}  // namespace hwmap
