#include "node/operation_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"

namespace dht::node {

bool OperationTable::add(Operation& operation) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  const OperationId id = operation.id;
  deadlines_.emplace(operation.deadline, id);
  const bool added = operations_.emplace(id, std::make_unique<Operation>(std::move(operation))).second;
  DHT_ASSERT(added);
  size_.store(operations_.size(), std::memory_order_relaxed);
  return true;
}

Operation OperationTable::remove(Operations::iterator at) {
  const std::size_t removed = deadlines_.erase({at->second->deadline, at->first});
  DHT_ASSERT(removed == 1);
  Operation operation = std::move(*at->second);
  operations_.erase(at);
  size_.store(operations_.size(), std::memory_order_relaxed);
  return operation;
}

std::optional<Operation> OperationTable::take(OperationId id) {
  std::lock_guard lock(mutex_);
  const auto found = operations_.find(id);
  if (found == operations_.end()) return std::nullopt;
  return remove(found);
}

std::vector<Operation> OperationTable::take_sent(ConnectionId connection,
                                                 const std::function<bool(const Operation&)>& lost,
                                                 std::vector<OperationId>& parked) {
  std::lock_guard lock(mutex_);
  std::vector<Operation> taken;
  for (auto at = operations_.begin(); at != operations_.end();) {
    Operation& operation = *at->second;
    const auto next = std::next(at);
    if (operation.state == Operation::State::sent && operation.connection == connection) {
      if (lost(operation)) {
        taken.push_back(remove(at));
      } else {
        operation.state = Operation::State::parked;
        parked.push_back(operation.id);
      }
    }
    at = next;
  }
  return taken;
}

std::vector<Operation> OperationTable::take_expired(Instant now) {
  std::lock_guard lock(mutex_);
  std::vector<Operation> taken;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto found = operations_.find(deadlines_.begin()->second);
    DHT_ASSERT(found != operations_.end());
    taken.push_back(remove(found));
  }
  return taken;
}

std::vector<Operation> OperationTable::take_in(ClusterId cluster) {
  std::lock_guard lock(mutex_);
  std::vector<Operation> taken;
  for (auto at = operations_.begin(); at != operations_.end();) {
    const auto next = std::next(at);
    if (at->second->in_cluster == cluster) taken.push_back(remove(at));
    at = next;
  }
  return taken;
}

std::vector<Operation> OperationTable::take_all(bool close) {
  std::lock_guard lock(mutex_);
  closed_ = closed_ || close;
  std::vector<Operation> taken;
  while (!operations_.empty())
    taken.push_back(remove(operations_.begin()));
  return taken;
}

bool OperationTable::has_sent_to(NodeId node) const {
  std::lock_guard lock(mutex_);
  return std::any_of(operations_.begin(), operations_.end(), [node](const auto& item) {
    return item.second->state == Operation::State::sent && item.second->sent_to == node;
  });
}

bool OperationTable::has_in_replica() const {
  std::lock_guard lock(mutex_);
  return std::any_of(operations_.begin(), operations_.end(),
                     [](const auto& item) { return item.second->state == Operation::State::in_replica; });
}

bool OperationTable::has_in(ClusterId cluster) const {
  std::lock_guard lock(mutex_);
  return std::any_of(operations_.begin(), operations_.end(),
                     [cluster](const auto& item) { return item.second->in_cluster == cluster; });
}

}  // namespace dht::node
