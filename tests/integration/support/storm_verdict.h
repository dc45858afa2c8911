// The end of a storm: every key is read on every node, and all that clients were answered is judged.
//
// Thread rule: the main thread, after all clients have stopped.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <dht/testing/history.h>

#include "support/storm_client.h"
#include "support/whole_cluster.h"

namespace dht::integration {

struct StormVerdict {
  std::size_t hot_keys = 0;
  std::size_t ledger_keys = 0;
  std::size_t operations = 0;  ///< on hot keys, those that are judged
  std::size_t unknown = 0;     ///< of these, of unknown outcome
  std::size_t longest = 0;     ///< history
  std::size_t undecided = 0;
  std::vector<std::string> lost = {};      ///< of the ledger: acknowledged or seen, and absent on some node
  std::vector<std::string> wrong = {};     ///< other contradictions at the end, in sentences
  std::vector<std::string> violated = {};  ///< explanations
};

class StormJudge {
 public:
  StormJudge(WholeCluster& cluster, const StormClock& clock) : cluster_(cluster), clock_(clock) {}

  void take(StormClient& client);
  /// Reads every key on every node. The cluster is whole.
  void read_all();
  StormVerdict judge();

 private:
  void read_hot_keys(std::size_t node);
  void read_ledger(std::size_t node);
  void compare_listings();
  std::vector<testing::Operation> read(std::size_t node, const std::vector<std::string>& keys);

  WholeCluster& cluster_;
  const StormClock clock_;
  std::map<std::string, testing::History> histories_;
  std::vector<LedgerLine> ledger_;
  std::map<std::string, Version> found_;     ///< on the first node
  std::map<std::string, std::string> lost_;  ///< keys of the ledger, and the nodes where they are absent
  StormVerdict verdict_;
};

}  // namespace dht::integration
