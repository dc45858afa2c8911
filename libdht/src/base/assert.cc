#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace dht::base {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "libdht: invariant broken: %s (%s:%d). The process stops so that it cannot answer wrongly.\n",
               condition, file, line);
  std::abort();
}

}  // namespace dht::base
