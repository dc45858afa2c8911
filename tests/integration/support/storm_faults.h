// What a storm does to the nodes: one thing at a time, drawn by chance, and healed before the next.
//
// Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/interrupt.h"
#include "support/whole_cluster.h"

namespace dht::integration {

class StormFaults {
 public:
  /// `cluster` outlives it.
  StormFaults(WholeCluster& cluster, std::uint64_t seed);

  /// One fault, and the healing. Each kind comes once before any comes again. Empty, or what did not become whole.
  std::string next();
  const std::map<std::string, std::size_t>& counts() const { return counts_; }
  /// Incarnations that were still called down when all was whole again.
  std::size_t forgotten() const { return forgotten_; }
  /// The longest that it took, after the end of a fault, until the cluster was whole, in seconds.
  double slowest_healing() const { return slowest_healing_; }

 private:
  enum class Kind : std::uint8_t {
    crash,
    crash_of_leader,
    short_pause,
    long_pause,
    leave,
    cut_one_way,
    cut_both_ways,
    isolation,
  };

  Kind draw();
  void carry_out(Kind kind);
  /// How long no change must be seen before that kind of fault is known to be over.
  static SteadyClock::duration calm_after(Kind kind);
  void crash(std::size_t victim);
  void pause(std::size_t victim, double seconds);
  void leave(std::size_t victim);
  void cut(bool both_ways);
  void isolate(std::size_t victim);
  void note(const std::string& kind, const std::string& what);

  std::size_t draw_node() { return random_() % cluster_.size(); }
  std::size_t draw_other(std::size_t node) { return (node + 1 + random_() % (cluster_.size() - 1)) % cluster_.size(); }
  double draw_seconds(double least, double most) { return std::uniform_real_distribution<>(least, most)(random_); }
  std::string who(std::size_t node);

  WholeCluster& cluster_;
  std::mt19937_64 random_;
  std::vector<Kind> to_come_;
  std::size_t leader_ = 0;  ///< before the fault
  std::map<std::string, std::size_t> counts_;
  std::size_t forgotten_ = 0;
  double slowest_healing_ = 0;
};

/// The time of day, as in the nodes' logs.
std::string time_of_day();

}  // namespace dht::integration
