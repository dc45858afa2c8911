// The rules by which a joining node's entries enter a partition (design: "Join and leave"; wire/replication.h).
//
// Thread rule: pure functions and plain values.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <dht/storage.h>

#include "wire/replication.h"

namespace dht::replica {

/// What the rules look at in an entry that is there.
struct ExistingEntry {
  Version version = 0;
  ClusterId copy_of{};
};

/// Whether a change that a joiner of cluster `from` brings takes effect over what is there. A tie keeps an entry
/// against a put. An erase takes effect against exactly its version, which is what the joiner had brought.
bool takes_effect(const wire::Change& change, const std::optional<ExistingEntry>& existing, ClusterId from) noexcept;

/// Whether every change has a key and, for a put, a version that a clock can have given.
bool is_sound(const std::vector<wire::Change>& changes) noexcept;
bool is_sound(const wire::Changes& changes) noexcept;

/// One batch while it is decided, change by change. A later change of the same key is held against the earlier one.
class MergeDecision {
 public:
  explicit MergeDecision(wire::MergeBatch batch) : batch_(std::move(batch)) {}

  const wire::MergeBatch& batch() const noexcept { return batch_; }
  /// The key whose entry must be read for the next decision; nothing when all is decided.
  std::optional<std::string_view> next_key();
  /// What is stored under `next_key()`.
  void decide(const std::optional<StoredEntry>& stored);
  /// The changes that take effect. Views into this object.
  std::vector<StorageChange> effective() const;

 private:
  void decide_next(const std::optional<ExistingEntry>& existing);

  wire::MergeBatch batch_;
  std::size_t next_ = 0;
  std::vector<std::size_t> effective_;
  std::unordered_map<std::string_view, std::optional<ExistingEntry>> seen_;  ///< as it is after the changes so far
};

}  // namespace dht::replica
