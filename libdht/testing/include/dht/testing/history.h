// History: what clients did to one key and what they were answered, as a test or a simulation wrote it down. What is
// judged by `check_linearizability` (dht/testing/linearizability.h).
//
// Times are those of the one true clock of the simulation, not of any node.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <dht/entry.h>
#include <dht/scheduler.h>

namespace dht::testing {

/// One operation on the key, by a client or by the cluster itself.
struct Operation {
  enum class Kind : std::uint8_t {
    get,
    put,
    erase,
    merge,  ///< by the cluster: `entry` is brought by a joining node, and replaces nothing newer
    loss,   ///< by the cluster: the entry, if there is one, goes with the node that held it
  };
  enum class Outcome : std::uint8_t {
    done,                 ///< it took effect once, between `invoked` and `returned`
    precondition_failed,  ///< the condition did not hold at some moment between the two
    not_applied,          ///< certainly without effect
    unknown,              ///< took effect at most once, between the two or never
  };
  /// For `returned`: the effect of an unknown operation may come at any time.
  static constexpr Instant kNever{Duration::max()};

  Kind kind = Kind::get;
  Outcome outcome = Outcome::unknown;
  std::string value{};            ///< that is put
  Precondition precondition{};    ///< of a put or an erase
  Version version = 0;            ///< that a put gave the entry; zero where it is not known
  std::optional<bool> existed{};  ///< whether a put or an erase that is done found an entry, where that is known
  std::optional<Entry> entry{};   ///< what a get saw; what a merge brings (version zero: not known)
  Instant invoked{};
  Instant returned = kNever;
  std::string by{};  ///< who, for people: "client 3 on node1"

  bool operator==(const Operation&) const = default;
};

/// The operations on one key, in any order. No two puts in it have the same value; a merge may bring what another one
/// or a put brought before.
using History = std::vector<Operation>;

/// What an error that a table answered with says of the operation. No error: done.
Operation::Outcome outcome_of(Operation::Kind kind, std::error_code error) noexcept;

/// What was asked and answered, in a line: `put "a" if absent: done, version 7`.
std::string to_string(const Operation& operation);

/// Seconds since the start of the simulation, to the microsecond.
std::string in_seconds(Instant instant);

}  // namespace dht::testing
