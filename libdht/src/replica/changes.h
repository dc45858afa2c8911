// Changes as storage takes them: views of those that own their bytes.
//
// Thread rule: plain values.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <dht/storage.h>

#include "wire/changes.h"

namespace dht::replica {

/// Views of all of `changes`, which outlives them. A single one, as a client's write makes it, is not allocated for.
class ChangeViews {
 public:
  explicit ChangeViews(const wire::Changes& changes) : size_(changes.size()) {
    if (size_ == 1) {
      single_ = changes.front();
    } else {
      several_.assign(changes.begin(), changes.end());
    }
  }
  operator std::span<const StorageChange>() const noexcept {
    return size_ == 1 ? std::span(&single_, 1) : std::span<const StorageChange>(several_);
  }

 private:
  std::size_t size_;
  StorageChange single_{};
  std::vector<StorageChange> several_;
};

}  // namespace dht::replica
