// Ledger: the histories of all keys, as they come about.
//
// Thread rule: one object, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <dht/testing/history.h>

namespace dht::testing::simulation {

class Ledger {
 public:
  /// Names an operation written down before.
  class Line {
   public:
    Line() = default;
    Operation& operator*() const { return (*history_)[at_]; }
    Operation* operator->() const { return &**this; }

   private:
    friend class Ledger;
    Line(History& history, std::size_t at) noexcept : history_(&history), at_(at) {}

    History* history_ = nullptr;
    std::size_t at_ = 0;
  };

  Line write(const std::string& key, Operation operation) {
    History& history = histories_[key];
    history.push_back(std::move(operation));
    return {history, history.size() - 1};
  }

  const std::map<std::string, History>& histories() const noexcept { return histories_; }
  /// The same for the same histories.
  std::uint64_t fingerprint() const;

 private:
  std::map<std::string, History> histories_;
};

}  // namespace dht::testing::simulation
