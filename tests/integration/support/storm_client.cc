#include "support/storm_client.h"

#include <functional>
#include <utility>

#include <fmt/format.h>

namespace dht::integration {
namespace {

using testing::Operation;
using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

constexpr std::size_t kOperationsPerKey = 1200;
constexpr std::uint64_t kLongestRestUs = 6000;
constexpr std::chrono::milliseconds kAvoided{1000};

}  // namespace

std::string HotKeys::draw(std::mt19937_64& random) {
  // Every other operation goes to one of three, so that there they meet.
  const std::size_t slot = random() % 2 == 0 ? random() % 3 : random() % kSlots;
  return fmt::format("hot{}-{}", slot, drawn_[slot]++ / kOperationsPerKey);
}

std::string ledger_value(std::string_view key) {
  const std::size_t hash = std::hash<std::string_view>()(key);
  const std::size_t filler = hash % 100 == 0 ? 20'000 : hash % 300;
  return fmt::format("{}:{}", key, std::string(filler, static_cast<char>('a' + hash % 26)));
}

StormClient::StormClient(const StormClientSetup& setup, HotKeys& keys, ServingNodes& nodes)
    : setup_(setup), keys_(keys), nodes_(nodes), random_(setup.seed), thread_([this] { run(); }) {}

void StormClient::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void StormClient::run() {
  while (!stopping_) {
    bool has_worked = false;
    nodes_.with_some_node(random_,
                          [&](std::size_t node, const Endpoint& endpoint) { has_worked = work_at(node, endpoint); });
    // The pace of the load, so that nodes and checker are not all that the machine does.
    if (has_worked) std::this_thread::sleep_for(std::chrono::microseconds(random_() % kLongestRestUs));
  }
}

bool StormClient::work_at(std::size_t node, const Endpoint& endpoint) {
  // Else all clients would soon wait for the one node that is silent.
  const auto avoided = avoided_until_.find(node);
  if (avoided != avoided_until_.end() && SteadyClock::now() < avoided->second && random_() % 32 != 0) return false;
  at_ = node;
  connections_.try_emplace(node, endpoint, setup_.patience);
  const std::uint64_t choice = random_() % 100;
  if (choice < 6)
    write_ledger();
  else if (choice < 12 && !ledger_.empty())
    read_ledger();
  else
    use_hot_key();
  return true;
}

Operation StormClient::draw_operation(const std::string& key) {
  Operation operation;
  operation.by = fmt::format("c{}@n{}", setup_.number, at_);
  const std::uint64_t choice = random_() % 100;
  if (choice < 45) return operation;
  operation.kind = choice < 90 ? Kind::put : Kind::erase;
  if (operation.kind == Kind::put) operation.value = fmt::format("{}-{}", setup_.number, ++values_);
  const auto seen = seen_.find(key);
  const bool is_conditional = (choice >= 70 && choice < 90) || choice >= 95;
  if (!is_conditional) return operation;
  if (operation.kind == Kind::put && (choice < 76 || seen == seen_.end()))
    operation.precondition = Precondition::absent();
  else if (seen != seen_.end())
    operation.precondition = Precondition::matches(seen->second);
  return operation;
}

void StormClient::use_hot_key() {
  const std::string key = keys_.draw(random_);
  Operation operation = draw_operation(key);
  const char* kind = operation.kind == Kind::get                                 ? "get"
                     : operation.kind == Kind::erase                             ? "delete"
                     : operation.precondition.kind == Precondition::Kind::none   ? "put"
                     : operation.precondition.kind == Precondition::Kind::absent ? "put if absent"
                                                                                 : "put if version";
  carry_out(kind, key, operation);
  if (operation.outcome == Outcome::done) {
    const Version version = operation.entry ? operation.entry->version : operation.version;
    if (version != 0)
      seen_[key] = version;
    else
      seen_.erase(key);
  }
  if (operation.outcome != Outcome::not_applied) histories_[key].push_back(std::move(operation));
}

void StormClient::write_ledger() {
  LedgerLine line;
  line.key = fmt::format("ledger{}-{}", setup_.number, ledger_.size());
  line.put.kind = Kind::put;
  line.put.value = ledger_value(line.key);
  carry_out("ledger put", line.key, line.put);
  line.outcome = line.put.outcome;
  line.put.value.clear();
  ledger_.push_back(std::move(line));
}

void StormClient::read_ledger() {
  LedgerLine& line = ledger_[random_() % ledger_.size()];
  Operation get;
  carry_out("ledger get", line.key, get);
  if (get.outcome != Outcome::done) return;
  const bool may_be_there = line.outcome != Outcome::not_applied;
  const bool may_be_absent = line.outcome != Outcome::done;
  if (!get.entry && !may_be_absent) complain(line.key, get, "was acknowledged or seen, and is absent");
  if (get.entry && !may_be_there) complain(line.key, get, "was refused, and is there");
  if (!get.entry) return;
  if (get.entry->value.view() != ledger_value(line.key)) complain(line.key, get, "has a value that nobody put");
  if (line.put.version != 0 && get.entry->version != line.put.version) complain(line.key, get, "has another version");
  line.put.version = get.entry->version;
  line.outcome = Outcome::done;
}

Exchange StormClient::carry_out(const char* kind, const std::string& key, Operation& operation) {
  Exchange result = exchange(connections_.at(at_), key, setup_.clock, operation);
  ++tally_[kind][std::string(result.outcome)];
  if (!result.trouble.empty()) complain(key, operation, result.trouble);
  if (result.has_lost_connection()) avoided_until_[at_] = SteadyClock::now() + kAvoided;
  return result;
}

void StormClient::complain(const std::string& key, const Operation& operation, const std::string& what) {
  troubles_.push_back(fmt::format("{} s, client {} at n{}: {} {}", testing::in_seconds(operation.invoked),
                                  setup_.number, at_, key, what.substr(0, 300)));
}

}  // namespace dht::integration
