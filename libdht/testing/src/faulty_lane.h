// FaultyStorage::Lane: the calls on one partition, or those of `remember`, on their way through a faulty storage.
//
// Thread rule: that of FaultyStorage.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <dht/testing/faulty_storage.h>

namespace dht::testing {

class FaultyStorage::Lane {
 public:
  explicit Lane(FaultyStorage& owner) : owner_(owner) { owner_.lanes_.insert(this); }
  /// Drops the calls that are under way here.
  ~Lane() { owner_.lanes_.erase(this); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// One call. `direct` makes it below, with the caller's own views; `owned` gives a function that makes it later.
  /// Results have an `error` and are otherwise empty where that is set.
  template <typename Result, typename Direct, typename Owned>
  std::optional<Result> pass(Call kind, Function<void(Result)> later, Direct direct, Owned owned) {
    const std::optional<Fault> fault = owner_.next(kind);
    if (owner_.failed_) return error_result<Result>(owner_.failed_);
    if (fault && fault->how == How::at_once) return error_result<Result>(fault->error);
    if (fault) return fail(kind, *fault, std::move(later), std::move(direct));
    if (!must_wait(kind)) return direct(std::move(later));
    held_.push_back(make_held<Result>(kind, std::move(later), owned()));
    return std::nullopt;
  }

  /// Makes all that need not wait any more.
  void release();
  /// The storage has failed: so do these, later.
  void fail_held(std::error_code error);
  std::size_t held() const noexcept { return held_.size(); }

 private:
  struct Held {
    Call kind{};
    Function<void()> make{};                 ///< makes the call
    Function<void(std::error_code)> fail{};  ///< gives its handler the error
  };

  static bool writes(Call kind) noexcept { return kind == Call::apply || kind == Call::drop || kind == Call::sync; }

  template <typename Result>
  static Result error_result(std::error_code error) {
    Result result;
    result.error = error;
    return result;
  }

  template <typename Result, typename Direct>
  std::optional<Result> fail(Call kind, const Fault& fault, Function<void(Result)> later, Direct direct) {
    // What is made here nobody waits for; where it completes later, it does so after the error was told.
    if (fault.how == How::after_writing) static_cast<void>(direct([](Result) {}));
    if (kind != Call::get && kind != Call::scan) owner_.fail_all(fault.error, "the test has ordered a failure");
    complete_later(std::move(later), error_result<Result>(fault.error));
    return std::nullopt;
  }

  template <typename Result>
  void complete_later(Function<void(Result)> later, Result result) {
    const std::uint64_t number = ++last_;
    under_way_[number] = owner_.scheduler_.call_later(
        Duration{0}, [this, number, later = std::move(later), result = std::move(result)]() mutable {
          const auto timer = under_way_.extract(number);
          if (later) later(std::move(result));
        });
  }

  /// `make` is given a handler and makes the call.
  template <typename Result, typename Make>
  Held make_held(Call kind, Function<void(Result)> later, Make make) {
    // Called by the storage below, or here where that completes inline, or where the storage fails before.
    const auto handler = std::make_shared<Function<void(Result)>>(std::move(later));
    return {
        kind,
        [this, handler, make = std::move(make)]() mutable {
          std::optional<Result> result = make([handler](Result given) { (*handler)(std::move(given)); });
          if (result) complete_later(std::move(*handler), *std::move(result));
        },
        [this, handler](std::error_code error) { complete_later(std::move(*handler), error_result<Result>(error)); }};
  }

  bool must_wait(Call kind) const;

  FaultyStorage& owner_;
  std::deque<Held> held_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Scheduler::Timer>> under_way_;
};

}  // namespace dht::testing
