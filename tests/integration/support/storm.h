// A storm: a cluster of real processes, clients that write down all that they are answered, faults one after the other,
// and the judgement at the end (design.md 9, "Real processes").
//
// Thread rule: the main thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "support/storm_verdict.h"

namespace dht::integration {

struct StormSettings {
  std::chrono::seconds duration{600};
  std::size_t replicas = 2;
  std::uint64_t seed = 1;
  std::size_t nodes = 5;
  std::size_t clients = 8;
};

struct StormReport {
  double seconds = 0;
  bool could_cut = false;
  StormTally tally = {};
  std::map<std::string, std::size_t> faults = {};
  std::size_t forgotten = 0;  ///< see StormFaults
  double slowest_healing = 0;
  std::vector<std::string> troubles = {};  ///< found while it lasted: wrong answers, clusters that did not heal
  StormVerdict verdict = {};

  bool is_good() const;
};

/// Throws Interrupted after a signal, when all that was made is gone.
StormReport run_storm(const StormSettings& settings);

/// Prints the figures, and what is wrong, shortened; explanations in full go to files next to the nodes' logs.
void print(const StormReport& report);

}  // namespace dht::integration
