// Ring: a queue in one block of memory that it keeps while it is small: what comes and goes in a steady stream is
// allocated nothing, and stays in the caches.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/assert.h"
#include "base/fetch.h"

namespace dht::base {

template <typename Item>
class Ring {
  static_assert(std::is_nothrow_move_constructible_v<Item>);

 public:
  Ring() noexcept = default;
  Ring(Ring&& other) noexcept { swap(other); }
  Ring& operator=(Ring&& other) noexcept {
    Ring taken(std::move(other));
    swap(taken);
    return *this;
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    clear();
    release();
  }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  Item& operator[](std::size_t index) noexcept { return *place(index); }
  const Item& operator[](std::size_t index) const noexcept { return *place(index); }
  Item& front() noexcept { return *place(0); }
  const Item& front() const noexcept { return *place(0); }
  Item& back() noexcept { return *place(size_ - 1); }
  const Item& back() const noexcept { return *place(size_ - 1); }

  void push_back(Item item) {
    if (size_ == capacity_) move_to(capacity_ == 0 ? kLeastCapacity : 2 * capacity_);
    ::new (static_cast<void*>(place(size_))) Item(std::move(item));
    ++size_;
  }
  void pop_front() noexcept {
    DHT_ASSERT(size_ != 0);
    place(0)->~Item();
    begin_ = (begin_ + 1) & (capacity_ - 1);
    --size_;
    if (size_ == 0 && capacity_ > kMostKept) release();
  }
  void pop_back() noexcept {
    DHT_ASSERT(size_ != 0);
    place(--size_)->~Item();
  }
  /// A hint: both ends are about to be used.
  void fetch_ahead() const noexcept {
    if (items_ == nullptr) return;
    fetch_object(*place(0));
    fetch_object(*place(size_));
  }
  void clear() noexcept {
    while (size_ != 0)
      pop_back();
  }

 private:
  static constexpr std::size_t kLeastCapacity = 2;
  /// In items: of a longer queue the memory is given back once it is empty.
  static constexpr std::size_t kMostKept = 32;
  using Memory = std::allocator<Item>;

  Item* place(std::size_t index) const noexcept { return items_ + ((begin_ + index) & (capacity_ - 1)); }

  void move_to(std::size_t capacity) {
    Item* const items = Memory().allocate(capacity);
    for (std::size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(items + i)) Item(std::move(*place(i)));
      place(i)->~Item();
    }
    release();
    items_ = items;
    capacity_ = capacity;
  }
  /// Whatever was there has been destroyed or moved away.
  void release() noexcept {
    if (items_ != nullptr) Memory().deallocate(items_, capacity_);
    items_ = nullptr;
    capacity_ = begin_ = 0;
  }
  void swap(Ring& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(size_, other.size_);
  }

  Item* items_ = nullptr;
  std::size_t capacity_ = 0;  ///< zero or a power of two
  std::size_t begin_ = 0;     ///< where the first one lies
  std::size_t size_ = 0;
};

}  // namespace dht::base
