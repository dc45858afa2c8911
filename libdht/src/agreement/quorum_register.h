// QuorumRegister: the register that survives crashes (design: "The register"). The newest map is what a majority of the
// voters named in it has accepted; every node can read and change it, voter or not.
//
// One operation runs at a time and others wait for their turn. Each takes as many rounds as it needs, within
// `kPatience` from its turn on. It ends with not_applied or stopped where nothing was changed for certain, with
// outcome_unknown where a change was proposed and may be chosen, now or later.
//
// Thread rule: as Register: one strand.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <dht/cluster_map.h>
#include <dht/function.h>
#include <dht/register.h>
#include <dht/scheduler.h>
#include <dht/types.h>

#include "agreement/acceptor.h"
#include "agreement/operation.h"
#include "agreement/round.h"
#include "wire/control.h"

namespace dht::agreement {

class QuorumRegister final : public Register {
 public:
  /// How a voter, this node included, is asked: sends the call to where `directory` says that it is, and gives the
  /// answer back exactly once, inside the call or later; with an error where none came. Nothing is given back to a
  /// register that has been destroyed.
  using AskVoter = Function<void(const ClusterMap& directory, NodeId voter, wire::Call call,
                                 Function<void(std::error_code, wire::Answer)> answer)>;
  /// As a WriteHandler. `confirmed_ms_ago`, without an error: the shortest time since one of the voters who made it
  /// chosen had confirmed another leader; none where none ever has; zero where that is not known.
  using ElectHandler =
      Function<void(std::error_code, ClusterMapPtr newest, std::optional<std::uint64_t> confirmed_ms_ago)>;

  static constexpr Duration kPatience = std::chrono::seconds{5};

  /// `boot` is a nonce that no earlier run of this node had, and not zero. Of no cluster at first: refuses all calls.
  QuorumRegister(NodeId self, std::uint64_t boot, Scheduler& scheduler, AskVoter ask_voter);
  ~QuorumRegister() override;

  /// From now on this node belongs to the cluster of `chosen`, with what it remembers of it as a voter (`founder_of`,
  /// `newcomer_to`, or what it kept over a restart). What it was in another cluster is forgotten, and operations there
  /// end with `stopped`.
  void become(ClusterMapPtr chosen, AcceptorState remembered);
  /// A chosen map of this cluster, from which rounds begin if it is the newest known.
  void learn(const ClusterMapPtr& chosen);
  /// Answers prepare and accept.
  wire::Answer on_call(const wire::Call& call);
  const Acceptor& acceptor() const noexcept { return acceptor_; }

  // The node must belong to a cluster.

  void read(ReadHandler handler) override;
  /// Also Errc::corrupt: `next` is unsound, or may not follow the map of revision `expected`.
  void compare_and_set(Revision expected, ClusterMapPtr next, WriteHandler handler) override;
  /// Changes whatever map is the newest, with a ballot that the voters know to be an election's. Where `change` gives
  /// null, or the map was changed by another, it ends as compare_and_set does.
  void elect(Round::Change change, ElectHandler handler);
  /// Ends the oldest election that has not ended, as its deadline would.
  void give_up_election();

 private:
  void submit(bool election, Round::Change change, Operation::Handler handler);
  Operation& current() noexcept { return *operations_.front(); }
  void begin_operation();
  void begin_round();
  void send_asks();
  void send(std::uint64_t round, VoterAsk ask);
  void on_answer(std::uint64_t round, NodeId voter, wire::CallKind kind, std::error_code error,
                 const wire::Answer& answer);
  void end_round();
  void try_again();
  void end_pause();
  void end_operation(Outcome outcome);
  void deliver_later();
  void deliver();

  const NodeId self_;
  const std::uint64_t boot_;
  Scheduler& scheduler_;
  AskVoter ask_voter_;
  Acceptor acceptor_;
  ClusterMapPtr known_;  ///< the newest that is known to be chosen; null before there is a cluster
  /// Of the highest ballot that was made or seen.
  std::uint64_t counter_ = 0;

  std::deque<std::unique_ptr<Operation>> operations_;  ///< the first is running
  std::uint64_t round_number_ = 0;
  std::optional<Round> round_;  ///< none while the operation waits to try again
  Revision round_known_ = 0;
  bool sending_ = false;
  unsigned failures_ = 0;
  std::unique_ptr<Scheduler::Timer> pause_;
  std::unique_ptr<Scheduler::Timer> deadline_;

  std::deque<std::pair<std::unique_ptr<Operation>, Outcome>> ended_;  ///< whose handlers are still to be called
  std::unique_ptr<Scheduler::Timer> delivery_;
};

}  // namespace dht::agreement
