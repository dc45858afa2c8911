#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <dht/function.h>

namespace {

using dht::Function;

/// Counts how many of it live, and can be made too large, or too badly behaved in a move, to be kept inline.
template <std::size_t kBytes, bool kMovesQuietly = true>
struct Counted {
  explicit Counted(int& living) : living_(&living) { ++*living_; }
  Counted(Counted&& other) noexcept(kMovesQuietly) : living_(other.living_) { ++*living_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*living_; }
  int operator()(int number) { return number + *living_; }

  int* living_;
  std::array<char, kBytes> ballast{};
};

template <typename Callable>
void check_lifetime() {
  int living = 0;
  {
    Function<int(int)> function = Callable(living);
    CHECK(living == 1);
    CHECK(function(10) == 11);
    Function<int(int)> moved = std::move(function);
    CHECK(living == 1);
    CHECK(moved(20) == 21);
    CHECK_FALSE(function);
    moved = nullptr;
    CHECK(living == 0);
    CHECK_FALSE(moved);
    moved = Callable(living);
    function = std::move(moved);
    CHECK(living == 1);
    CHECK(function(30) == 31);
  }
  CHECK(living == 0);
}

TEST_CASE("a callable is kept, moved and destroyed once: inline, on the heap, and where its move may throw") {
  check_lifetime<Counted<8>>();
  check_lifetime<Counted<200>>();
  check_lifetime<Counted<8, false>>();
}

TEST_CASE("callables that cannot be copied are taken, and so are arguments and results") {
  Function<std::unique_ptr<int>(std::unique_ptr<int>)> function =
      [owned = std::make_unique<int>(2)](std::unique_ptr<int> argument) {
        return std::make_unique<int>(*owned + *argument);
      };
  CHECK(*function(std::make_unique<int>(3)) == 5);
}

TEST_CASE("references are passed as such") {
  Function<void(std::string&)> append = [](std::string& text) { text += "!"; };
  std::string text = "hello";
  append(text);
  CHECK(text == "hello!");
}

TEST_CASE("state inside the callable lasts from call to call") {
  Function<int()> next = [count = 0]() mutable { return ++count; };
  CHECK(next() == 1);
  Function<int()> moved = std::move(next);
  CHECK(moved() == 2);
}

TEST_CASE("an empty function is false; one that holds a plain function or std::function is true") {
  CHECK_FALSE(Function<void()>{});
  CHECK_FALSE(Function<void()>{nullptr});
  Function<int(int)> plain = +[](int number) { return number * 2; };
  REQUIRE(plain);
  CHECK(plain(4) == 8);
  Function<int(int)> wrapped = std::function<int(int)>([](int number) { return number + 1; });
  CHECK(wrapped(4) == 5);
}

TEST_CASE("a function assigned to itself keeps what it holds") {
  Function<int()> function = [] { return 7; };
  Function<int()>& same = function;
  function = std::move(same);
  REQUIRE(function);
  CHECK(function() == 7);
}

TEST_CASE("inline callables are aligned as they require") {
  struct alignas(16) Aligned {
    bool operator()() const { return reinterpret_cast<std::uintptr_t>(this) % 16 == 0; }
    double values[2] = {1, 2};
  };
  Function<bool()> function = Aligned{};
  CHECK(function());
}

}  // namespace
