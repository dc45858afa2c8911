// A client of a storm: hot keys, which all clients write, read and erase with and without conditions, and a ledger of
// keys that it alone writes, once each, and then only reads.
//
// Hot keys are replaced by fresh ones after a number of operations, so that no history becomes too long to be judged.
//
// Thread rule: constructed, stopped and asked by one thread; it works in one of its own. `HotKeys` may be used by any.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <dht/testing/history.h>

#include "support/checked_client.h"
#include "support/storm_exchange.h"

namespace dht::integration {

class HotKeys {
 public:
  static constexpr std::size_t kSlots = 12;
  std::string draw(std::mt19937_64& random);

 private:
  std::array<std::atomic<std::size_t>, kSlots> drawn_{};
};

/// A key that is written once. What it holds follows from its name.
struct LedgerLine {
  std::string key;
  testing::Operation::Outcome outcome;  ///< "done" also where it has been seen since
  testing::Operation put;
};
std::string ledger_value(std::string_view key);

/// How often an operation of some kind ended in some way.
using StormTally = std::map<std::string, std::map<std::string, std::size_t>>;

struct StormClientSetup {
  std::size_t number = 0;
  std::uint64_t seed = 0;
  std::chrono::milliseconds patience{};  ///< with an answer
  StormClock clock;
};

class StormClient {
 public:
  /// `keys` and `nodes` outlive it.
  StormClient(const StormClientSetup& setup, HotKeys& keys, ServingNodes& nodes);
  ~StormClient() { stop(); }
  StormClient(const StormClient&) = delete;
  StormClient& operator=(const StormClient&) = delete;

  void stop();
  // After `stop`:
  std::map<std::string, testing::History>& histories() { return histories_; }
  const std::vector<LedgerLine>& ledger() const { return ledger_; }
  const StormTally& tally() const { return tally_; }
  /// Wrong answers that it knew to be wrong at once.
  const std::vector<std::string>& troubles() const { return troubles_; }

 private:
  void run();
  /// False where the node was not asked.
  bool work_at(std::size_t node, const Endpoint& endpoint);
  void use_hot_key();
  void write_ledger();
  void read_ledger();
  testing::Operation draw_operation(const std::string& key);
  Exchange carry_out(const char* kind, const std::string& key, testing::Operation& operation);
  void complain(const std::string& key, const testing::Operation& operation, const std::string& what);

  const StormClientSetup setup_;
  HotKeys& keys_;
  ServingNodes& nodes_;
  std::mt19937_64 random_;
  std::map<std::size_t, HttpClient> connections_;
  std::map<std::size_t, SteadyClock::time_point> avoided_until_;
  std::size_t at_ = 0;  ///< the node that is asked
  std::uint64_t values_ = 0;
  std::map<std::string, Version> seen_;  ///< the version of each hot key that this client saw last
  std::map<std::string, testing::History> histories_;
  std::vector<LedgerLine> ledger_;
  StormTally tally_;
  std::vector<std::string> troubles_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace dht::integration
