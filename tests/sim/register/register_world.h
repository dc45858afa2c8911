// RegisterWorld: several places with a register each, in one thread on virtual time, from a seed. Users read and change
// the map, voters change, and everything fails that can: messages are lost, late, doubled and out of order, nodes
// pause, crash and come back, either with what they remembered or, at the same address, as another node that knows
// nothing. Faults are aimed at the moments that matter, above all at a proposer that has just sent its map to some
// voters.
//
// Only what voters promise to remember is kept from failing for good: never are so many of them lost that no majority
// is left.
//
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <dht/testing/manual_scheduler.h>
#include <dht/testing/timeline.h>

#include "agreement/quorum_register.h"
#include "register_bus.h"
#include "register_history.h"

namespace dht::testing {

class RegisterWorld {
 public:
  /// What happened, by kind; for the sums of a campaign.
  using Counts = std::map<std::string_view, std::uint64_t>;

  /// Writes what happens to `trace`, if given.
  explicit RegisterWorld(std::uint64_t seed, std::FILE* trace = nullptr);
  ~RegisterWorld();

  /// Trouble, and then quiet, in which all must come to an end. Once.
  void run();

  /// What was wrong with the answers; empty where all were right.
  const std::string& fault() const { return history_->fault(); }
  /// What did not come to an end; empty where all did.
  const std::string& stall() const { return stall_; }
  Counts counts() const;

 private:
  struct Host {
    NodeId id{};
    ClusterMapPtr known{};
    /// Left the cluster, as of this revision; zero for a member.
    Revision left_at = 0;
    bool wants_to_leave = false;
    agreement::AcceptorState kept{};  ///< while it is down
    wire::Ballot proposing{};         ///< of the last accept that it sent
    bool dying = false;               ///< while it sends
    std::set<RegisterHistory::OperationId> running{};
    std::unique_ptr<ManualScheduler> scheduler{};  ///< null while it is down
    std::unique_ptr<agreement::QuorumRegister> reg{};

    bool is_up() const noexcept { return reg != nullptr; }
    bool is_member() const noexcept { return left_at == 0; }
  };

  // The places (register_hosts.cc).

  void found();
  void start(Place place);
  void crash(Place place);
  void restart(Place place, bool blank);
  void bring_back_later(Place place);
  void ask(Place from, const ClusterMap& directory, NodeId voter, wire::Call call, RegisterBus::AnswerHandler answer);
  RegisterBus::Fate fate_of(Place from, const wire::Call& call);
  bool may_lose(NodeId id) const;
  bool is_going_or_gone(NodeId id) const;
  void leave_or_rejoin(Place place);
  void learn(Place place, const ClusterMapPtr& chosen);

  // The users (register_users.cc).

  void read(Place place);
  void compare_and_set(Place place);
  void elect(Place place);
  RegisterHistory::OperationId begin(Place place, std::string_view kind);
  void end(Place place, RegisterHistory::OperationId operation, std::error_code error, const ClusterMapPtr& newest);
  ClusterMap next_of(const ClusterMap& base);
  void change_members(ClusterMap& map);
  void change_voters(ClusterMap& map, const ClusterMap& base);

  // The course of things (register_world.cc).

  void act();
  void act_later();
  void use(Place place);
  void disturb(Place place);
  void calm_down();
  bool come_to_an_end();

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  Duration some_ms(std::uint64_t most) { return std::chrono::microseconds{1 + below(1000 * most)}; }
  Address address_of(Place place) const { return {"place", static_cast<std::uint16_t>(place + 1)}; }
  void later(Duration delay, Function<void()> task) { timeline_.add(this, timeline_.now() + delay, std::move(task)); }
  void count(std::string_view kind) { ++counts_[kind]; }
  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    if (trace_ == nullptr) return;
    const double ms = static_cast<double>(timeline_.now().since_start.count()) / 1e6;
    fmt::print(trace_, "{:9.3f} ms  {}\n", ms, fmt::format(format, std::forward<Args>(args)...));
  }

  std::FILE* trace_;
  std::mt19937_64 random_;
  Timeline timeline_;
  Duration pace_{};  ///< the mean time between two acts
  std::uint64_t acts_left_ = 0;
  std::uint64_t reading_ = 0;   ///< how many operations, in percent, are reads
  std::uint64_t electing_ = 0;  ///< how many of the others are elections
  std::uint64_t aim_ = 0;       ///< how often, in percent, a proposer dies of proposing
  std::uint64_t blank_ = 0;     ///< how often, in percent, a restarted one remembers nothing
  bool is_calm_ = false;
  std::uint64_t last_id_ = 0;
  std::vector<Host> hosts_;
  std::unique_ptr<RegisterBus> bus_;
  std::unique_ptr<RegisterHistory> history_;
  std::string stall_;
  Counts counts_;
};

}  // namespace dht::testing
