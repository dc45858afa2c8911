// Client: makes one operation after the other, through nodes and on keys that somebody else chooses. It remembers the
// versions that it saw, for conditional writes, and sometimes gives an operation up.
//
// Thread rule: that of the timeline.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <dht/testing/manual_scheduler.h>

#include "desk.h"
#include "dice.h"

namespace dht::testing::simulation {

struct Target {
  std::size_t place = 0;
  std::string key{};
  bool may_erase = true;
};

struct ClientHabits {
  std::string name{};
  Duration rest{0};  ///< between two operations, on average
  std::chrono::milliseconds deadline{0};
  /// Of the next operation; nothing where there is nothing to do now.
  Function<std::optional<Target>()> choose{};
};

class Client {
 public:
  Client(Desk& desk, std::uint64_t seed, ClientHabits habits);

  void start();
  /// What is under way is still answered.
  void stop();
  void set_rest(Duration rest) noexcept { habits_.rest = rest; }
  bool is_idle() const noexcept { return !busy_; }

 private:
  void rest();
  void act();
  Operation draw_operation(const Target& target);
  Precondition draw_condition(const std::string& key);
  void give_up_later(OperationId operation, std::size_t place);
  void learn(const std::string& key, const Operation& operation);

  Desk& desk_;
  ClientHabits habits_;
  Dice dice_;
  ManualScheduler scheduler_;
  std::unique_ptr<Scheduler::Timer> next_;
  std::unique_ptr<Scheduler::Timer> giving_up_;
  std::map<std::string, Version> seen_;
  std::uint64_t values_ = 0;
  bool running_ = false;
  bool busy_ = false;
};

}  // namespace dht::testing::simulation
