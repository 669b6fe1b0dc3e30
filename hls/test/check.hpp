#pragma once

// The one assertion of the header tests: it stays in optimized builds, and says where it failed.

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);         \
      std::exit(1);                                                       \
    }                                                                     \
  } while (false)
