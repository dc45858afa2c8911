// Workload: clients of a cluster on virtual time that know at every moment what the table must hold. Each key belongs
// to one client, which works on it through any of the given nodes, one operation after the other; so every answer is
// known beforehand and is checked.
//
// Thread rule: the one thread of the timeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <dht/testing/cluster.h>

namespace scenario {

struct WorkloadOptions {
  std::size_t clients = 4;
  std::size_t keys_per_client = 20;
  std::uint64_t seed = 1;
  std::string prefix = "key";
  dht::Duration pause_max = std::chrono::milliseconds(2);  ///< between a client's answer and its next operation
};

class Workload {
 public:
  Workload(dht::testing::Cluster& cluster, std::vector<std::size_t> nodes, WorkloadOptions options = {});
  ~Workload();

  /// From now on operations go through these nodes.
  void use(std::vector<std::size_t> nodes) { nodes_ = std::move(nodes); }
  void begin();
  /// Lets operations under way end and starts no others.
  void finish();

  std::size_t operations() const noexcept { return operations_; }
  /// Every error and every wrong answer, as sentences.
  const std::vector<std::string>& complaints() const noexcept { return complaints_; }
  /// Reads every key through every given node, and compares.
  void check_everything(const std::vector<std::size_t>& nodes);
  /// What every key must hold; keys that must not exist are left out.
  std::map<std::string, std::string> expected() const;

 private:
  struct Client {
    std::size_t number = 0;
    std::mt19937_64 random{};
    std::map<std::string, std::string> holds{};
    std::vector<std::string> keys{};
    bool busy = false;
    std::unique_ptr<dht::Scheduler::Timer> timer{};
  };

  void pause(Client& client);
  void next(Client& client);
  void complain(const Client& client, std::string what);

  dht::testing::Cluster& cluster_;
  dht::testing::ManualScheduler scheduler_;
  std::vector<std::size_t> nodes_;
  WorkloadOptions options_;
  bool running_ = false;
  std::size_t operations_ = 0;
  std::vector<std::string> complaints_;
  std::vector<std::unique_ptr<Client>> clients_;
};

/// Fails the running test with each complaint.
void check_quiet(const Workload& workload);

}  // namespace scenario
