#include "storage/index.h"

#include <algorithm>
#include <new>
#include <span>
#include <utility>

#include "base/assert.h"
#include "storage/memory_total.h"

namespace dht::storage {

Node::Node(Leaf::Owner leaf) noexcept : bits_(reinterpret_cast<std::uintptr_t>(leaf.release())) {}

Node::Node(std::unique_ptr<Branch> branch) noexcept
    : bits_(reinterpret_cast<std::uintptr_t>(branch.release()) | kBranchBit) {}

Node::Node(Node&& other) noexcept : bits_(std::exchange(other.bits_, 0)) {}

Node& Node::operator=(Node&& other) noexcept {
  // The temporary takes what this node held and destroys it.
  Node taken(std::move(other));
  std::swap(bits_, taken.bits_);
  return *this;
}

Node::~Node() {
  Leaf::Owner{leaf()};
  std::unique_ptr<Branch>{branch()};
}

std::size_t Index::child_of(Position position, unsigned level) noexcept {
  return (position >> (64 - kLevelBits * (level + 1))) & (Branch::kFanout - 1);
}

std::uint16_t Index::tag_of(Position position, unsigned level) noexcept {
  return static_cast<std::uint16_t>(position >> (48 - kLevelBits * level));
}

Index::Position Index::position_of(const Record& record) const noexcept {
  const std::optional<Position> stored = record.stored_position();
  return stored ? *stored : position_of(record.key());
}

std::uint32_t Index::search(const Leaf& leaf, unsigned level, Position position, std::string_view key) noexcept {
  const std::uint16_t tag = tag_of(position, level);
  const std::span<const Slot> slots = leaf.slots();
  for (std::uint32_t index = leaf.lower_bound(tag); index < slots.size() && slots[index].tag() == tag; ++index) {
    const Record& record = *slots[index].record();
    if (record.stored_position().value_or(position) == position && record.key() == key) return index;
  }
  return leaf.size();
}

Slot* Index::find(Position position, std::string_view key) const noexcept {
  const Node* node = &root_;
  unsigned level = 0;
  for (; const Branch* branch = node->branch(); ++level)
    node = &branch->children[child_of(position, level)];
  Leaf* leaf = node->leaf();
  if (leaf == nullptr) return nullptr;
  const std::uint32_t index = search(*leaf, level, position, key);
  return index == leaf->size() ? nullptr : &leaf->slots()[index];
}

void Index::expect(PartitionStorage::ExpectedKey& expected, unsigned step) const noexcept {
  if (step == 0) {
    expected.position = position_of(expected.key);
    if (const Branch* branch = root_.branch()) __builtin_prefetch(&branch->children[child_of(expected.position, 0)]);
    return;
  }
  if (step == 1) {
    const Node* node = &root_;
    expected.depth = 0;
    for (; const Branch* branch = node->branch(); ++expected.depth)
      node = &branch->children[child_of(expected.position, expected.depth)];
    expected.at = node->leaf();
    return __builtin_prefetch(expected.at);
  }
  const auto* leaf = static_cast<const Leaf*>(expected.at);
  if (leaf == nullptr) return;
  const std::uint16_t tag = tag_of(expected.position, expected.depth);
  if (step == 2) return __builtin_prefetch(leaf->guess(tag));
  const std::uint32_t index = leaf->lower_bound(tag);
  if (index < leaf->size()) leaf->slots()[index].record()->prefetch();
}

void Index::insert(Position position, Record::Owner record) {
  Path path;
  Node* node = &root_;
  for (;;) {
    if (Branch* branch = node->branch()) {
      node = &branch->children[child_of(position, path.size)];
      path.branches[path.size++] = branch;
    } else if (node->leaf() != nullptr && node->leaf()->size() >= kMaxLeaf && path.size < kMaxLevel) {
      split(*node, path.size);
    } else {
      break;
    }
  }
  if (node->leaf() == nullptr || node->leaf()->full()) grow(*node);
  // From here on nothing can fail.
  memory_bytes_ += record->memory_bytes();
  Leaf& leaf = *node->leaf();
  const std::uint16_t tag = tag_of(position, path.size);
  leaf.insert(leaf.lower_bound(tag), Slot(tag, record.release()));
  for (Branch* branch : std::span(path.branches).first(path.size))
    ++branch->size;
}

Record::Owner Index::erase(Position position, std::string_view key) noexcept {
  Path path;
  Node* node = &root_;
  Node* sparse = nullptr;  // the topmost branch that will be small enough to merge
  while (Branch* branch = node->branch()) {
    if (sparse == nullptr && branch->size - 1 <= kMergeAt) sparse = node;
    node = &branch->children[child_of(position, path.size)];
    path.branches[path.size++] = branch;
  }
  Leaf* leaf = node->leaf();
  if (leaf == nullptr) return nullptr;
  const std::uint32_t index = search(*leaf, path.size, position, key);
  if (index == leaf->size()) return nullptr;
  Record::Owner record = leaf->remove(index);
  memory_bytes_ -= record->memory_bytes();
  for (Branch* branch : std::span(path.branches).first(path.size))
    --branch->size;
  if (sparse != nullptr) {
    merge(*sparse);
  } else {
    shrink(*node);
  }
  return record;
}

Record::Owner Index::exchange(Slot& slot, Record::Owner record) noexcept {
  memory_bytes_ += record->memory_bytes();
  memory_bytes_ -= slot.record()->memory_bytes();
  return slot.exchange(std::move(record));
}

void Index::clear() noexcept {
  root_ = Node();
  memory_bytes_ = 0;
}

/// Of a node and all below it, without the records.
std::size_t Index::memory_of(const Node& node) noexcept {
  if (const Leaf* leaf = node.leaf()) return leaf->memory_bytes();
  const Branch* branch = node.branch();
  if (branch == nullptr) return 0;
  std::size_t bytes = memory_of_block(sizeof(Branch));
  for (const Node& child : branch->children)
    bytes += memory_of(child);
  return bytes;
}

void Index::replace(Node& node, Node by) noexcept {
  memory_bytes_ += memory_of(by);
  memory_bytes_ -= memory_of(node);
  node = std::move(by);
}

void Index::grow(Node& node) {
  Leaf* leaf = node.leaf();
  Leaf::Owner larger =
      leaf == nullptr ? Leaf::make(Leaf::capacity_for(1)) : Leaf::resized(*leaf, Leaf::capacity_for(leaf->size() + 1));
  if (larger == nullptr) throw std::bad_alloc();
  replace(node, Node(std::move(larger)));
}

void Index::shrink(Node& node) noexcept {
  constexpr std::uint32_t kSlack = 16;
  Leaf& leaf = *node.leaf();
  if (leaf.size() == 0) {
    replace(node, Node());
  } else if (leaf.capacity() >= Leaf::capacity_for(leaf.size()) + kSlack) {
    // Where there is no memory for the smaller leaf, the larger one serves on.
    if (Leaf::Owner smaller = Leaf::resized(leaf, Leaf::capacity_for(leaf.size())))
      replace(node, Node(std::move(smaller)));
  }
}

void Index::split(Node& node, unsigned level) {
  Leaf& leaf = *node.leaf();
  const std::span<const Slot> slots = leaf.slots();
  DHT_ASSERT(level < kMaxLevel && slots.size() == kMaxLeaf);
  // The keys have to be hashed for their tags' new bits; fetched ahead, the cache misses overlap.
  for (const Slot slot : slots)
    __builtin_prefetch(slot.record());
  std::array<Position, kMaxLeaf> positions;
  std::array<std::uint32_t, Branch::kFanout> sizes{};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    positions[i] = position_of(*slots[i].record());
    ++sizes[child_of(positions[i], level)];
  }
  auto branch = std::make_unique<Branch>();
  for (std::size_t child = 0; child < Branch::kFanout; ++child) {
    if (sizes[child] == 0) continue;
    Leaf::Owner part = Leaf::make(Leaf::capacity_for(sizes[child]));
    if (part == nullptr) throw std::bad_alloc();
    branch->children[child] = Node(std::move(part));
  }
  // From here on nothing can fail.
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Leaf& part = *branch->children[child_of(positions[i], level)].leaf();
    part.append(Slot(tag_of(positions[i], level + 1), slots[i].record()));
  }
  branch->size = slots.size();
  leaf.disown();
  replace(node, Node(std::move(branch)));
}

void Index::merge(Node& node) noexcept {
  const std::uint64_t size = node.branch()->size;
  DHT_ASSERT(size <= kMergeAt);
  Node merged;
  if (size > 0) {
    Leaf::Owner leaf = Leaf::make(Leaf::capacity_for(static_cast<std::uint32_t>(size)));
    // Where there is no memory, the branch serves on; the next erase tries again.
    if (leaf == nullptr) return;
    gather(node, 0, 0, *leaf);
    DHT_ASSERT(leaf->size() == size);
    merged = Node(std::move(leaf));
  }
  replace(node, std::move(merged));
}

/// `prefix` has the bits of the `depth` levels between the merged branch and `node`. They come back in front of the
/// tags, so that no key needs to be hashed.
void Index::gather(const Node& node, std::uint64_t prefix, unsigned depth, Leaf& into) noexcept {
  if (const Branch* branch = node.branch()) {
    for (std::size_t child = 0; child < Branch::kFanout; ++child) {
      gather(branch->children[child], (prefix << kLevelBits) | child, depth + 1, into);
    }
  } else if (Leaf* leaf = node.leaf()) {
    for (const Slot slot : leaf->slots()) {
      const std::uint64_t bits = ((prefix << 16) | slot.tag()) >> (kLevelBits * depth);
      into.append(Slot(static_cast<std::uint16_t>(bits), slot.record()));
    }
    leaf->disown();
  }
}

ScanCursor Index::scan(ScanCursor from, Function<bool(const Record&)>& visit) const {
  bool more = true;
  while (more && from != kScanEnd) {
    const Node* node = &root_;
    unsigned level = 0;
    for (; const Branch* branch = node->branch(); ++level)
      node = &branch->children[child_of(from, level)];
    const Leaf* leaf = node->leaf();
    from = leaf != nullptr ? scan_leaf(*leaf, level, from, visit, more) : after_tag(from, level, kLastTag);
  }
  return from;
}

ScanCursor Index::scan_leaf(const Leaf& leaf, unsigned level, ScanCursor from, Function<bool(const Record&)>& visit,
                            bool& more) const {
  const std::span<const Slot> slots = leaf.slots();
  const std::uint16_t first_tag = tag_of(from, level);
  std::size_t index = leaf.lower_bound(first_tag);
  while (index < slots.size()) {
    const std::uint16_t tag = slots[index].tag();
    for (; index < slots.size() && slots[index].tag() == tag; ++index) {
      const Record& record = *slots[index].record();
      // A cursor made when the leaves were deeper can lie between the positions of one tag.
      if (tag == first_tag && position_of(record) < from) continue;
      more = visit(record) && more;
    }
    if (!more) return after_tag(from, level, tag);
  }
  return after_tag(from, level, kLastTag);
}

/// The position after all those with that tag in the leaf that `from` leads to.
ScanCursor Index::after_tag(ScanCursor from, unsigned level, std::uint16_t tag) noexcept {
  const unsigned shift = 48 - kLevelBits * level;
  const ScanCursor next = (((from >> shift) & ~ScanCursor{kLastTag}) + tag + 1) << shift;
  return next == 0 ? kScanEnd : next;
}

}  // namespace dht::storage
