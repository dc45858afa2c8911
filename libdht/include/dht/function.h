// A move-only callable wrapper: what std::move_only_function is in C++23.
//
// Handlers own things that cannot be copied (buffers, other handlers), so std::function does not serve.
// Callables of up to `kInlineBytes` that move without throwing live inside the object; larger ones on the heap.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace dht {

template <typename Signature>
class Function;

/// Holds one callable of any type with the given signature, or nothing. Calling an empty one is a programming error.
template <typename Result, typename... Args>
class Function<Result(Args...)> {
 public:
  static constexpr std::size_t kInlineBytes = 48;

  Function() noexcept = default;
  Function(std::nullptr_t) noexcept {}

  template <typename Callable,
            typename = std::enable_if_t<!std::is_same_v<std::decay_t<Callable>, Function> &&
                                        std::is_invocable_r_v<Result, std::decay_t<Callable>&, Args...>>>
  Function(Callable&& callable) {
    using Stored = std::decay_t<Callable>;
    if constexpr (fits_inline<Stored>) {
      ::new (static_cast<void*>(&space_)) Stored(std::forward<Callable>(callable));
      operations_ = &kInlineOperations<Stored>;
    } else {
      using Owner = std::unique_ptr<Stored>;
      ::new (static_cast<void*>(&space_)) Owner(std::make_unique<Stored>(std::forward<Callable>(callable)));
      operations_ = &kHeapOperations<Stored>;
    }
  }

  Function(Function&& other) noexcept { take(other); }
  Function& operator=(Function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  ~Function() { reset(); }

  explicit operator bool() const noexcept { return operations_ != nullptr; }

  Result operator()(Args... args) {
    assert(operations_ != nullptr);
    return operations_->call(&space_, std::forward<Args>(args)...);
  }

 private:
  struct Operations {
    Result (*call)(void* space, Args&&... args);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void* space) noexcept;
  };

  template <typename Stored>
  static constexpr bool fits_inline =
      sizeof(Stored) <= kInlineBytes &&
      alignof(Stored) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<Stored>;

  template <typename Stored>
  static Stored& as(void* space) noexcept {
    return *std::launder(static_cast<Stored*>(space));
  }

  template <typename Stored>
  static void relocate(void* from, void* to) noexcept {
    ::new (to) Stored(std::move(as<Stored>(from)));
    as<Stored>(from).~Stored();
  }

  template <typename Stored>
  static constexpr Operations kInlineOperations{
      [](void* space, Args&&... args) -> Result { return as<Stored>(space)(std::forward<Args>(args)...); },
      &relocate<Stored>, [](void* space) noexcept { as<Stored>(space).~Stored(); }};

  template <typename Stored>
  static constexpr Operations kHeapOperations{
      [](void* space, Args&&... args) -> Result {
        return (*as<std::unique_ptr<Stored>>(space))(std::forward<Args>(args)...);
      },
      &relocate<std::unique_ptr<Stored>>,
      [](void* space) noexcept { std::destroy_at(&as<std::unique_ptr<Stored>>(space)); }};

  void take(Function& other) noexcept {
    operations_ = std::exchange(other.operations_, nullptr);
    if (operations_ != nullptr) operations_->move(&other.space_, &space_);
  }

  void reset() noexcept {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(&space_);
  }

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte space_[kInlineBytes];
};

}  // namespace dht
