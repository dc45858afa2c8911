#include "client.h"

#include <utility>

#include <fmt/format.h>

namespace dht::testing::simulation {

Client::Client(Desk& desk, std::uint64_t seed, ClientHabits habits)
    : desk_(desk), habits_(std::move(habits)), dice_(seed), scheduler_(desk.world().timeline(), seed) {}

void Client::start() {
  if (std::exchange(running_, true) || busy_) return;
  rest();
}

void Client::stop() {
  running_ = false;
  next_.reset();
}

void Client::rest() {
  next_ = scheduler_.call_later(dice_.between(Duration{1}, habits_.rest * 2), [this] { act(); });
}

void Client::act() {
  const std::optional<Target> target = habits_.choose();
  if (!target) return rest();
  Question question{.place = target->place, .key = target->key, .operation = draw_operation(*target)};
  question.operation.by = fmt::format("{} on {}", habits_.name, desk_.world().name(target->place));
  question.deadline = habits_.deadline;
  busy_ = true;
  const OperationId id = desk_.ask(question, [this, key = target->key](const Operation& operation) {
    busy_ = false;
    giving_up_.reset();
    learn(key, operation);
    if (running_) rest();
  });
  if (busy_ && dice_.percent(3)) give_up_later(id, target->place);
}

Operation Client::draw_operation(const Target& target) {
  Operation operation;
  const std::size_t drawn = dice_.below(100);
  if (drawn < 45) return operation;
  operation.kind = target.may_erase && drawn >= 85 ? Operation::Kind::erase : Operation::Kind::put;
  if (operation.kind == Operation::Kind::put) operation.value = fmt::format("{}/{}", habits_.name, ++values_);
  if (dice_.percent(40)) operation.precondition = draw_condition(target.key);
  return operation;
}

Precondition Client::draw_condition(const std::string& key) {
  const auto seen = seen_.find(key);
  if (seen == seen_.end()) return Precondition::absent();
  return dice_.percent(10) ? Precondition::present() : Precondition::matches(seen->second);
}

/// The place may be another process's by then, which knows nothing of the operation.
void Client::give_up_later(OperationId operation, std::size_t place) {
  const unsigned incarnation = desk_.world().incarnation(place);
  giving_up_ = scheduler_.call_later(dice_.between(Duration{0}, habits_.rest), [this, operation, place, incarnation] {
    World& world = desk_.world();
    if (world.incarnation(place) == incarnation) world.cluster().table(place).cancel(operation);
  });
}

void Client::learn(const std::string& key, const Operation& operation) {
  if (operation.outcome != Operation::Outcome::done) return;
  const Version version =
      operation.kind == Operation::Kind::get && operation.entry ? operation.entry->version : operation.version;
  if (version == 0) {
    seen_.erase(key);
  } else {
    seen_[key] = version;
  }
}

}  // namespace dht::testing::simulation
