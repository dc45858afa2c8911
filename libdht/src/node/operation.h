// Operation: one request of this node's own clients (or of its own join) from its beginning to its one answer.
//
// A write that was begun in the replica here has neither key nor value: it is not asked a second time.
//
// Thread rule: plain values; `OperationTable` guards those under way.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <dht/entry.h>
#include <dht/error.h>
#include <dht/scheduler.h>
#include <dht/table.h>
#include <dht/transport.h>

#include "node/deadline_wheel.h"
#include "replica/effects.h"
#include "wire/replication.h"

namespace dht::node {

struct Operation : DeadlineWheel::Link {
  enum class Kind { get, write, merge, drop_copies };
  /// Where it is. What is `sent` may have been done; what is parked has certainly not been.
  enum class State { parked, in_replica, sent };

  OperationId id = 0;
  Kind kind = Kind::get;
  State state = State::parked;
  ClusterId in_cluster{};  ///< of the session that routes it

  std::string key{};                        ///< get, write
  std::string value{};                      ///< write
  WriteRequest::Kind write_kind{};          ///< write
  Precondition precondition{};              ///< write
  PartitionId partition = 0;                ///< merge, drop_copies; for the others it follows from the key
  std::optional<wire::MergeBatch> batch{};  ///< merge
  ClusterId cluster{};                      ///< drop_copies

  NodeId sent_to{};             ///< sent
  Revision sent_by = 0;         ///< sent: of the map that it was routed by
  ConnectionId connection = 0;  ///< sent

  GetHandler on_get{};
  WriteHandler on_write{};
  replica::DoneHandler on_done{};

  WriteRequest write_request() const { return {write_kind, key, value}; }
  /// A read may be asked twice, and a merge batch or a dropping of copies takes effect once however often it comes.
  bool is_repeatable() const { return kind != Kind::write; }

  /// What to answer where it is given up: `certain`, unless it may have been done.
  std::error_code given_up(Errc certain) const {
    const bool may_be_done = state != State::parked && !is_repeatable();
    return may_be_done ? Errc::outcome_unknown : certain;
  }

  /// Calls the handler that it has, with an error.
  void fail(std::error_code error) {
    switch (kind) {
      case Kind::get:
        on_get(error, std::nullopt);
        break;
      case Kind::write:
        on_write(error, {});
        break;
      case Kind::merge:
      case Kind::drop_copies:
        on_done(error);
        break;
    }
  }
};

using OperationPtr = std::unique_ptr<Operation>;

}  // namespace dht::node
