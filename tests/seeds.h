// How many seeds a test of random histories tries: each takes ten times as long under a sanitizer, which looks for what
// any of them shows.
//
// Thread rule: a constant.
#pragma once

#include <algorithm>
#include <cstdint>

namespace dht::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kHasSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kHasSanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kHasSanitizer = false;
#endif

constexpr std::uint64_t seeds(std::uint64_t all) { return kHasSanitizer ? std::max<std::uint64_t>(all / 8, 1) : all; }

}  // namespace dht::testing
