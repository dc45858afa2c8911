// Fetching memory into the caches before it is used. Hints: they change nothing, whatever the address; of null nothing
// is fetched.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>

namespace dht::base {

inline constexpr std::size_t kCacheLine = 64;

inline void fetch(const void* memory, std::size_t size) noexcept {
  if (memory == nullptr) return;
  for (std::size_t at = 0; at < size; at += kCacheLine)
    __builtin_prefetch(static_cast<const char*>(memory) + at, 1);
}

template <typename Object>
void fetch_object(const Object& object) noexcept {
  fetch(&object, sizeof object);
}

}  // namespace dht::base
