#include "node/operation_table.h"

#include <algorithm>
#include <tuple>

#include "base/assert.h"

namespace dht::node {

Operation& OperationTable::insert(OperationPtr& operation) {
  Operation*& place = operations_[operation->id];
  DHT_ASSERT(place == nullptr);
  place = operation.release();
  deadlines_.add(*place);
  size_.store(operations_.size(), std::memory_order_relaxed);
  return *place;
}

OperationPtr OperationTable::remove(Operation& operation) {
  deadlines_.remove(operation);
  const bool was_there = operations_.erase(operation.id);
  DHT_ASSERT(was_there);
  size_.store(operations_.size(), std::memory_order_relaxed);
  return OperationPtr(&operation);
}

template <typename Wanted>
std::vector<Operation*> OperationTable::find_all(Wanted is_wanted) const {
  std::vector<Operation*> found;
  operations_.for_each([&](OperationId, Operation* operation) {
    if (is_wanted(*operation)) found.push_back(operation);
  });
  std::sort(found.begin(), found.end(),
            [](const Operation* one, const Operation* other) { return one->id < other->id; });
  return found;
}

std::vector<OperationPtr> OperationTable::remove_all(const std::vector<Operation*>& operations) {
  std::vector<OperationPtr> taken;
  taken.reserve(operations.size());
  for (Operation* const operation : operations)
    taken.push_back(remove(*operation));
  return taken;
}

std::vector<OperationPtr> OperationTable::take_sent(ConnectionId connection,
                                                    const std::function<bool(const Operation&)>& lost,
                                                    std::vector<OperationId>& parked) {
  std::lock_guard lock(mutex_);
  std::vector<Operation*> taken = find_all([connection](const Operation& operation) {
    return operation.state == Operation::State::sent && operation.connection == connection;
  });
  std::erase_if(taken, [&](Operation* operation) {
    if (lost(*operation)) return false;
    operation->state = Operation::State::parked;
    parked.push_back(operation->id);
    return true;
  });
  return remove_all(taken);
}

std::vector<OperationPtr> OperationTable::take_expired(Instant now) {
  std::lock_guard lock(mutex_);
  std::vector<OperationPtr> taken;
  deadlines_.take_expired(now,
                          [&](DeadlineWheel::Link& link) { taken.push_back(remove(static_cast<Operation&>(link))); });
  std::sort(taken.begin(), taken.end(), [](const OperationPtr& one, const OperationPtr& other) {
    return std::tie(one->deadline, one->id) < std::tie(other->deadline, other->id);
  });
  return taken;
}

std::vector<OperationPtr> OperationTable::take_in(ClusterId cluster) {
  std::lock_guard lock(mutex_);
  return remove_all(find_all([cluster](const Operation& operation) { return operation.in_cluster == cluster; }));
}

std::vector<OperationPtr> OperationTable::take_all(bool close) {
  std::lock_guard lock(mutex_);
  closed_ = closed_ || close;
  return remove_all(find_all([](const Operation&) { return true; }));
}

bool OperationTable::has_sent_to(NodeId node) const {
  std::lock_guard lock(mutex_);
  return !find_all([node](const Operation& operation) {
            return operation.state == Operation::State::sent && operation.sent_to == node;
          }).empty();
}

bool OperationTable::has_in_replica() const {
  std::lock_guard lock(mutex_);
  return !find_all([](const Operation& operation) { return operation.state == Operation::State::in_replica; }).empty();
}

bool OperationTable::has_in(ClusterId cluster) const {
  std::lock_guard lock(mutex_);
  return !find_all([cluster](const Operation& operation) { return operation.in_cluster == cluster; }).empty();
}

}  // namespace dht::node
