// KeyHash: how a memory storage turns keys into positions of its index.
//
// Implementations: `SeededKeyHash`, used by `make_memory_storage()`; tests bring ones that collide.
//
// Thread rule: immutable, usable from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace dht::storage {

class KeyHash {
 public:
  virtual ~KeyHash() = default;
  /// The same for equal keys, for as long as the object lives.
  virtual std::uint64_t operator()(std::string_view key) const noexcept = 0;
};

class SeededKeyHash final : public KeyHash {
 public:
  explicit SeededKeyHash(std::uint64_t seed) noexcept : hash_(seed) {}
  std::uint64_t operator()(std::string_view key) const noexcept override { return hash_(key); }

 private:
  base::SeededHash hash_;
};

}  // namespace dht::storage
