// LeaderWorld: a leader and everything around it on virtual time, from a seed. Nodes adopt maps, copy partitions, hand
// them over, fall silent, join and leave; leaders are deposed; every message is delayed, and may be lost (and repeated,
// as real nodes do) or come twice. The world knows the truth about every replica and every lease and checks each chosen
// map against it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <dht/testing/timeline.h>

#include "cluster/leader.h"
#include "lease/node_lease.h"
#include "maps.h"

namespace dht::testing {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::uint32_t partitions = 64;
  std::uint32_t max_moves_per_node = 8;
  bool trouble = true;  ///< messages are lost and doubled, learners fail, nodes fall silent, proposals are refused
};

class LeaderWorld {
 public:
  explicit LeaderWorld(WorldOptions options);

  const ClusterMap& map() const { return *chosen_; }
  std::uint64_t leader() const { return chosen_->leader.value; }

  /// The node joins, and repeats each step until it is answered.
  void join(std::uint64_t node);
  /// The joining node gives up, whatever step it is at.
  void abandon(std::uint64_t node);
  /// The member leaves, and repeats its call until it is answered.
  void leave(std::uint64_t node);
  /// An operator gives the member up, if it is down.
  void forget(std::uint64_t node);
  void silence(std::uint64_t node, Duration duration);
  /// The leadership goes to another node, where there is one.
  void hand_leadership_over();
  /// The voters confirm the leader no more, and elect another one of them when they may.
  void depose_leader();
  /// Nothing goes wrong by itself any more.
  void end_trouble() { options_.trouble = false; }

  bool is_idle(std::uint64_t node) const;  ///< not joining, not leaving
  bool is_member(std::uint64_t node) const;
  bool is_quiet() const;  ///< every operation is over and no move is under way

  void run_for(Duration duration) { timeline_.run_for(duration); }
  /// Until every operation is over and no move is under way; false where that takes over `limit`.
  bool run_until_quiet(Duration limit);

  /// The first thing that was wrong; empty where all was right.
  const std::string& fault() const { return fault_; }
  std::size_t changes() const { return changes_; }
  std::size_t moves() const { return moves_; }
  std::size_t forgotten() const { return forgotten_; }
  std::size_t unanswered() const { return waiting_.size(); }
  std::mt19937_64& random() { return random_; }

 private:
  enum class Step { none, join, activate, settle, abandon, leave };
  using Stream = std::pair<PartitionId, Revision>;
  struct Node {
    ClusterMapPtr map{};  ///< adopted; null outside
    lease::NodeLease lease{};
    std::uint64_t last_ask = 0;
    Step step = Step::none;
    std::uint64_t attempt = 0;  ///< counts steps, so that late answers are not mistaken
    Instant silent_until{};
    bool has_news = false;
    std::set<std::pair<PartitionId, Epoch>> stopped{};
    std::set<Stream> begun{};
    std::set<Stream> level{};
    std::set<Stream> lost{};
  };
  using Effects = cluster::LeaderEffects;
  using AnswerHandler = std::function<void(const wire::Answer&)>;

  bool chance(std::uint32_t percent) { return options_.trouble && random_() % 100 < percent; }
  Duration some_ms(std::uint64_t least, std::uint64_t most);
  bool is_silent(std::uint64_t node) const { return timeline_.now() < nodes_.at(node).silent_until; }
  void later(Duration delay, Function<void()> task) { timeline_.add(this, timeline_.now() + delay, std::move(task)); }
  /// Brings a message to or from `node`: never, once or twice.
  void send(std::uint64_t node, std::function<void()> deliver);
  void fail(std::string what);

  // The owner of the leader, and the register.

  void at_leader(const std::function<void(Effects&)>& event);
  void ask_leader(std::uint64_t node, Step step, AnswerHandler handler,
                  std::function<void(cluster::Ticket, Effects&)> ask);
  void propose(ClusterMapPtr next);
  void check(const ClusterMap& before, const ClusterMap& after);
  void check_partition(PartitionId p, const ClusterMap& before, const ClusterMap& after);
  void check_leases();
  void tick();
  void confirm_leader();
  void try_handing_over();
  void elect();
  void install(std::uint64_t successor, Duration wait);

  // The nodes.

  void begin(std::uint64_t id, Step step);
  void repeat_call(std::uint64_t id, std::uint64_t attempt);
  void put_call(std::uint64_t id, Step step, cluster::Ticket ticket, Effects& effects);
  void on_answer(std::uint64_t id, Step step, const wire::Answer& answer);
  void check_answer(std::uint64_t id, Step step, const wire::Answer& answer);
  void heartbeat(std::uint64_t id);
  void beat(std::uint64_t id);
  void report_soon(std::uint64_t id);
  void adopt(std::uint64_t id, const ClusterMapPtr& map);
  void stream(std::uint64_t id, PartitionId p, const LearnerRecord& learner);
  void hand_over(std::uint64_t id, const wire::HandOverOrder& order);
  NodeReport report_of(std::uint64_t id) const;

  WorldOptions options_;
  std::mt19937_64 random_;
  Timeline timeline_;
  ClusterMapPtr chosen_;  ///< what the register holds
  std::unique_ptr<cluster::Leader> leader_;
  std::uint64_t reign_ = 0;  ///< counts the leaders
  Instant confirmed_at_{};
  bool handing_over_ = false;
  bool deposing_ = false;
  std::map<std::uint64_t, Node> nodes_;
  cluster::Ticket last_ticket_ = 0;
  std::map<cluster::Ticket, AnswerHandler> waiting_;
  std::size_t changes_ = 0;
  std::size_t moves_ = 0;
  std::size_t forgotten_ = 0;
  std::string fault_;
};

}  // namespace dht::testing
