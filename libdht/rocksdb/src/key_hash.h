// The hash in the keys on disk: SipHash-2-4 (Aumasson, Bernstein 2012), keyed with the cluster's id.
//
// It decides where entries lie and what a cursor means, so it is the same on every machine and for ever.
// `base::SeededHash` is faster and promises neither. Whoever knows the cluster's id can choose keys that collide: they
// lie side by side and cost one longer chunk of a scan.
//
// Thread rule: a pure function.
#pragma once

#include <cstdint>
#include <string_view>

#include <dht/types.h>

namespace dht::rocks {

std::uint64_t sip_hash(std::uint64_t key0, std::uint64_t key1, std::string_view bytes) noexcept;

/// Never `kScanEnd`, which as a cursor means the end.
std::uint64_t hash_on_disk(ClusterId cluster, std::string_view key) noexcept;

}  // namespace dht::rocks
