// Operation: something that is wanted of the register, over all the rounds that it takes, and what its outcome means.
//
// Pure. Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include <dht/cluster_map.h>
#include <dht/error.h>
#include <dht/function.h>

#include "agreement/round.h"

namespace dht::agreement {

struct Outcome {
  std::error_code error{};
  ClusterMapPtr newest{};                           ///< chosen; null where it is not known
  std::optional<std::uint64_t> confirmed_ms_ago{};  ///< see Round; zero where others completed the change
};

class Operation {
 public:
  using Handler = Function<void(Outcome)>;

  /// No `change`: a read.
  Operation(bool election, Round::Change change, Handler handler);

  bool is_election() const noexcept { return election_; }
  bool is_read() const noexcept { return !change_; }
  ClusterMapPtr change(const ClusterMapPtr& newest) { return change_(newest); }

  /// A voter is about to be asked to accept `map`, which a change of this operation made.
  void on_proposed(const ClusterMapPtr& map);
  /// `newest` is chosen and is what a change of this operation made, in whatever round.
  bool has_succeeded(const ClusterMap& newest) const;

  /// How it ends where nothing is to be changed in the newest map.
  Outcome settled(const ClusterMapPtr& newest) const;
  /// How it ends before it is settled, `known` being the newest map known to be chosen. `reason` says that nothing was
  /// changed, and is passed on where that is certain.
  Outcome given_up(const ClusterMapPtr& known, Errc reason) const;

  /// Once.
  void end(Outcome outcome) { handler_(std::move(outcome)); }

 private:
  bool may_be_chosen_before_or_after(const ClusterMap& newest) const;

  bool election_;
  Round::Change change_;
  Handler handler_;
  std::vector<ClusterMapPtr> proposed_;
};

}  // namespace dht::agreement
