// IdMap: from numbers other than zero to small values, in one block of memory, with open addressing. Numbers are spread
// by a multiplication, so consecutive ones do well; whoever fears chosen ones hashes them with a seed before.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/fetch.h"

namespace dht::base {

/// Of a map of more than `kMostKept` cells the memory is given back once it is empty.
template <typename Value, std::size_t kMostKept>
class IdMap {
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  using Id = std::uint64_t;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// Null where there is none. Valid until the next change.
  Value* find(Id id) noexcept {
    if (size_ == 0) return nullptr;
    Cell& cell = cells_[probe(id)];
    return cell.id != 0 ? &cell.value : nullptr;
  }
  const Value* find(Id id) const noexcept { return const_cast<IdMap*>(this)->find(id); }

  /// A hint, for small maps: one is about to be found or put in.
  void fetch_ahead() const noexcept { fetch(cells_.data(), kLeastCells * sizeof(Cell)); }

  /// The value of `id`, a new one where there was none.
  Value& operator[](Id id) {
    DHT_ASSERT(id != 0);
    if (2 * (size_ + 1) > cells_.size()) grow();
    Cell& cell = cells_[probe(id)];
    if (cell.id == 0) {
      cell = {id, Value{}};
      ++size_;
    }
    return cell.value;
  }

  /// Whether it was there.
  bool erase(Id id) noexcept {
    if (size_ == 0) return false;
    std::size_t hole = probe(id);
    if (cells_[hole].id == 0) return false;
    // What was pushed on by the one that goes moves back, so that no probe ends at the hole too early.
    for (std::size_t at = next(hole); cells_[at].id != 0; at = next(at)) {
      const std::size_t home = place_of(cells_[at].id);
      const bool may_move = ((at - home) & (cells_.size() - 1)) >= ((at - hole) & (cells_.size() - 1));
      if (may_move) cells_[std::exchange(hole, at)] = cells_[at];
    }
    cells_[hole].id = 0;
    --size_;
    if (size_ == 0 && cells_.size() > kMostKept) clear();
    return true;
  }

  void clear() noexcept {
    cells_.clear();
    cells_.shrink_to_fit();
    size_ = 0;
  }

  /// Calls `visit(id, value)` for each; the map must not be changed meanwhile. In no order, but the same one for the
  /// same numbers added and erased in the same way.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Cell& cell : cells_) {
      if (cell.id != 0) visit(cell.id, cell.value);
    }
  }

 private:
  struct Cell {
    Id id = 0;
    Value value{};
  };
  static constexpr std::size_t kLeastCells = 8;

  std::size_t place_of(Id id) const noexcept {
    return static_cast<std::size_t>((id * 0x9E3779B97F4A7C15U) >> (64 - std::countr_zero(cells_.size())));
  }
  std::size_t next(std::size_t at) const noexcept { return (at + 1) & (cells_.size() - 1); }
  /// Where it is, or where it would go.
  std::size_t probe(Id id) const noexcept {
    std::size_t at = place_of(id);
    while (cells_[at].id != 0 && cells_[at].id != id)
      at = next(at);
    return at;
  }
  void grow() {
    std::vector<Cell> before(cells_.empty() ? kLeastCells : 2 * cells_.size());
    before.swap(cells_);
    for (const Cell& cell : before) {
      if (cell.id != 0) cells_[probe(cell.id)] = cell;
    }
  }

  std::vector<Cell> cells_;  ///< none, or a power of two, at most half of them used
  std::size_t size_ = 0;
};

}  // namespace dht::base
