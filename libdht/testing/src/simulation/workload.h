// Workload: who uses the table. *Clients of the home cluster* use a few hot keys and the contested ones through any
// member. A *stay* is the time that a node spends outside of the cluster and then in it, until it leaves, ends or is
// cast out: one client uses private keys through that node all the while, and must not notice that it joins.
//
// What a stay's keys are for: those that are never erased keep their names over joins that fail. Those that are get new
// names with each attempt, since an erasure made after a failed attempt is not carried into the next (design: "deletes
// made while alone are not carried").
//
// Thread rule: that of the timeline.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client.h"
#include "setting.h"

namespace dht::testing::simulation {

class Workload {
 public:
  Workload(Desk& desk, const Setting& setting, std::uint64_t seed);

  void start();
  /// Nothing is begun any more.
  void stop();
  bool is_idle() const;
  /// From now on clients rest longer.
  void slow_down();

  /// Whether it is a key of a node that joins, which goes with it from its own table to that of the cluster.
  static bool is_luggage(std::string_view key);

  void begin_stay(std::size_t place);
  /// The client of the stay pauses and goes on.
  void pause_stay(std::size_t place);
  void resume_stay(std::size_t place);
  /// The node's process has ended, and may come back with what it had.
  void suspend_stay(std::size_t place);
  /// It has: goes on. False where it is not in the cluster that it was in, or had no stay.
  bool take_up_stay(std::size_t place);
  /// The join has failed. False where the node is not back where it was: its stay is over.
  bool fail_attempt(std::size_t place);
  /// The node has joined: what its client wrote is the cluster's.
  void settle_stay(std::size_t place);
  void end_stay(std::size_t place);

  /// Keys that the home cluster must serve.
  const std::set<std::string>& home_keys() const noexcept { return home_keys_; }
  /// Keys that joining nodes are about to bring, and nobody else uses.
  std::set<std::string> arriving_keys() const;
  /// Keys that nodes bring and clients of the home cluster use.
  const std::vector<std::string>& contested_keys() const noexcept { return contested_keys_; }

 private:
  struct Stay {
    std::size_t number = 0;
    std::size_t attempt = 1;
    ClusterId outside{};      ///< the node's cluster of one
    bool was_home = false;    ///< and is not to be seen anywhere else
    bool is_settled = false;  ///< its keys are the home cluster's
    std::unique_ptr<Client> client{};
  };

  void add_client(std::size_t number);
  void put_ballast();
  std::optional<Target> choose_home();
  std::optional<Target> choose_private(std::size_t place, Stay& stay);
  static std::set<std::string> keys_of(const Stay& stay);
  static std::string kept_key(const Stay& stay, std::size_t i);
  static std::string fleeting_key(const Stay& stay, std::size_t i);

  Desk& desk_;
  const Setting setting_;
  Dice dice_;
  std::vector<std::string> hot_keys_;
  std::vector<std::string> contested_keys_;
  std::set<std::string> home_keys_;
  std::set<std::string> departed_keys_;  ///< of stays that never settled, and of attempts
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<std::size_t, Stay> stays_;             ///< by place
  std::vector<std::unique_ptr<Client>> retired_;  ///< what they asked may still be answered
  std::size_t stays_begun_ = 0;
};

}  // namespace dht::testing::simulation
