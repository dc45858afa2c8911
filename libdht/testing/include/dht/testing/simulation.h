// Simulation: a whole cluster in one thread on virtual time, under clients and faults, judged by what must always hold.
// Everything follows from the seed: the number of nodes, their timers, the network, what clients do and what goes
// wrong. The same seed does the same again, to the letter.
//
//   const auto report = dht::testing::simulate({.seed = 7});
//   if (report.ending != dht::testing::Ending::clean) std::cerr << report.property << ": " << report.reason;
//
// Clients of the cluster work on a few hot keys, others through a node that joins on keys of their own, before, during
// and after the join; nodes join, leave, crash and come back while the network fails. Then everything is healed, and
// the cluster must come to rest and serve every key on every member. What must hold:
//
//   linearizable         every key's history is linearizable
//   one primary          at most one node serves a partition at any instant
//   no lease while down  a node that the newest map calls down holds no lease
//   one chain            maps of one revision are the same everywhere, and neither revision nor generation goes back
//   sound maps           every map that a node adopts keeps the invariants of a cluster map
//   sound messages       no node sends another what makes no sense, and no map gives a node what it cannot be
//   lawful answers       an operation is answered only with what its contract allows
//   answered once        every handler is called, and once
//   even spread          at rest every member is primary for its share, within one
//   progress             after healing the cluster comes to rest, and every operation on every member succeeds
//
// An assertion that fails inside a node ends the process, as it does in a real one.
//
// Thread rule: simulations of different threads know nothing of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <dht/scheduler.h>
#include <dht/testing/cluster.h>
#include <dht/testing/faults.h>

namespace dht::testing {

struct SimulationOptions {
  std::uint64_t seed = 1;
  /// Those that may be injected. Each run draws some of them.
  FaultSet faults = FaultSet::all();
  /// Gets what happens, line by line: the setting, faults, joins and leaves, revisions of the map. May be empty.
  std::function<void(std::string_view line)> trace{};
  /// As in ClusterOptions: to run with other parts, such as a storage of your own. May be empty.
  std::function<std::shared_ptr<void>(const NewProcess& process)> on_new_process{};
};

enum class Ending {
  clean,
  wrong_answer,  ///< something happened that must never happen
  stall,         ///< something did not happen that must
};

struct SimulationReport {
  Ending ending = Ending::clean;
  std::string property{};  ///< that does not hold, as named above
  std::string reason{};    ///< a sentence
  std::string detail{};    ///< more lines where there are some: the history of the key that is wrong
  Duration virtual_time{0};
  std::size_t operations = 0;  ///< of clients, checked
  std::size_t undecided = 0;   ///< keys whose history could not be judged within the limits of the search
  FaultCounts faults{};
  std::uint64_t fingerprint = 0;  ///< of all histories: the same where everything was
};

SimulationReport simulate(const SimulationOptions& options);

}  // namespace dht::testing
