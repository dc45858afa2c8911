// DHT_ASSERT: an invariant that must hold for data to be safe. Checked in every build: a node that has lost its
// invariants must stop rather than answer wrongly.
#pragma once

namespace dht::base {

/// Prints the sentence and aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace dht::base

#define DHT_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::dht::base::assertion_failed(#condition, __FILE__, __LINE__))
