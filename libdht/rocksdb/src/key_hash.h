// The hash in the keys on disk: SipHash-2-4, keyed with the cluster's id.
//
// It decides where entries lie and what a cursor means, so it is the same on every machine and for ever.
// `base::SeededHash` is faster and promises neither. Whoever knows the cluster's id can choose keys that collide: they
// lie side by side and cost one longer chunk of a scan.
//
// Thread rule: a pure function.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include <dht/storage.h>
#include <dht/types.h>

#include "base/sip_hash.h"

namespace dht::rocks {

/// Never `kScanEnd`, which as a cursor means the end.
inline std::uint64_t hash_on_disk(ClusterId cluster, std::string_view key) noexcept {
  constexpr std::uint64_t kSecondKey = 0x6c69626468742d31U;  // any number does, but always the same
  return std::min(base::sip_hash(cluster.value, kSecondKey, key), kScanEnd - 1);
}

}  // namespace dht::rocks
