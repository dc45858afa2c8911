// Index: finds the records of one partition, in the order of their positions.
//
// A position is the key's 64-bit hash with the lowest bit cleared, so that no key lies at `kScanEnd`. The index is a
// trie over positions, four bits per level: a branch has 16 children, and at the bottom are leaves of up to 256 slots.
// A leaf that overflows becomes a branch with 16 leaves; a branch whose subtree is down to 128 records becomes a leaf.
//
// Why this and not a table that doubles:
// - Order. Everything is kept in position order at any size, so a scan's cursor is simply the position to go on from.
//   Growing and shrinking in the midst of a scan neither hide an entry nor show one twice.
// - No stall. One operation rebuilds at most one leaf per level that it splits, and with an even hash that is one leaf:
//   256 positions, 17 small allocations. Nothing is ever proportional to the partition.
// - Memory. Leaves are dense and sized in steps of 8 slots, so a record costs 8 bytes of slot, and about 1 to 3 of
//   slack, leaf header and branches, whatever the fill. An empty index is one null pointer, and a partition of up to
//   256 entries is a single leaf.
// - Depth. It grows with the logarithm to base 16: 10 million records are under four branches, the upper ones cached.
//
// Chosen keys cannot make it deep, because the hash is seeded at random. Should positions collide anyway, the deepest
// leaves grow past 256 and get slower, nothing worse.
//
// Thread rule: none of its own; guarded by the partition that owns it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <dht/function.h>
#include <dht/storage.h>

#include "storage/key_hash.h"
#include "storage/leaf.h"
#include "storage/record.h"

namespace dht::storage {

struct Branch;

/// Owns a leaf, a branch or nothing, in eight bytes.
class Node {
 public:
  Node() = default;
  explicit Node(Leaf::Owner leaf) noexcept;
  explicit Node(std::unique_ptr<Branch> branch) noexcept;
  Node(Node&& other) noexcept;
  Node& operator=(Node&& other) noexcept;
  ~Node();

  /// Null where the node is something else.
  Leaf* leaf() const noexcept { return (bits_ & kBranchBit) == 0 ? reinterpret_cast<Leaf*>(bits_) : nullptr; }
  Branch* branch() const noexcept {
    return (bits_ & kBranchBit) != 0 ? reinterpret_cast<Branch*>(bits_ & ~kBranchBit) : nullptr;
  }

 private:
  static constexpr std::uintptr_t kBranchBit = 1;
  std::uintptr_t bits_ = 0;
};

class Index {
 public:
  using Position = std::uint64_t;

  /// A leaf with this many slots is split before another comes in.
  static constexpr std::uint32_t kMaxLeaf = 256;
  /// A branch with this many records is merged. Half of `kMaxLeaf`, so that a few keys that come and go do not
  /// split and merge all the time.
  static constexpr std::uint32_t kMergeAt = 128;

  /// The hash outlives the index.
  explicit Index(const KeyHash& hash) noexcept : hash_(&hash) {}

  Position position_of(std::string_view key) const noexcept { return (*hash_)(key) & ~Position{1}; }
  /// What the index and its records take, as the allocator counts it.
  std::uint64_t memory_bytes() const noexcept { return memory_bytes_; }

  /// The slot of that key or null. It stays where it is until the next `insert` or `erase`.
  Slot* find(Position position, std::string_view key) const noexcept;
  /// Fetches what `find` will look at, as PartitionStorage::expect says: a branch, the leaf, its slot, the record. What
  /// one step has fetched the next one reads.
  void expect(PartitionStorage::ExpectedKey& expected, unsigned step) const noexcept;
  /// The key must not be there. Throws std::bad_alloc; then every record that was there still is, and no other.
  void insert(Position position, Record::Owner record);
  /// Takes the record out; null where there is none. Gives memory back where there is enough to shrink.
  Record::Owner erase(Position position, std::string_view key) noexcept;
  /// Puts another record of the same key into a slot that `find` gave, and gives the old one to the caller.
  Record::Owner exchange(Slot& slot, Record::Owner record) noexcept;
  void clear() noexcept;

  /// Visits records from position `from` on, in the order of positions, until `visit` has returned false and all
  /// records at that position were visited too. Returns the position to go on from, or `kScanEnd`. `visit` may throw;
  /// it must not change the index.
  ScanCursor scan(ScanCursor from, Function<bool(const Record&)>& visit) const;

 private:
  static constexpr unsigned kLevelBits = 4;
  /// Leaves need 16 bits for their tags.
  static constexpr unsigned kMaxLevel = (64 - 16) / kLevelBits;
  static constexpr std::uint16_t kLastTag = 0xffff;

  struct Path {
    std::array<Branch*, kMaxLevel> branches;
    unsigned size = 0;
  };

  static std::size_t child_of(Position position, unsigned level) noexcept;
  static std::uint16_t tag_of(Position position, unsigned level) noexcept;
  static std::uint32_t search(const Leaf& leaf, unsigned level, Position position, std::string_view key) noexcept;
  static std::size_t memory_of(const Node& node) noexcept;
  static void gather(const Node& node, std::uint64_t prefix, unsigned depth, Leaf& into) noexcept;

  static ScanCursor after_tag(ScanCursor from, unsigned level, std::uint16_t tag) noexcept;

  Position position_of(const Record& record) const noexcept;
  /// Every change of shape goes through here, and is counted.
  void replace(Node& node, Node by) noexcept;
  void grow(Node& node);
  void shrink(Node& node) noexcept;
  void merge(Node& node) noexcept;
  void split(Node& node, unsigned level);
  ScanCursor scan_leaf(const Leaf& leaf, unsigned level, ScanCursor from, Function<bool(const Record&)>& visit,
                       bool& more) const;

  Node root_;
  const KeyHash* hash_;
  std::uint64_t memory_bytes_ = 0;
};

struct Branch {
  static constexpr std::size_t kFanout = 16;

  std::uint64_t size = 0;  ///< records in all children together
  std::array<Node, kFanout> children;
};

}  // namespace dht::storage
