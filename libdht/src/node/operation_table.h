// OperationTable: the operations under way. Whoever takes one out calls its handler, so each is answered exactly once.
//
// Thread rule: all methods may be called from any thread. A function given to a method runs under the
// table's lock and must not call the table, nor any handler.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include <dht/scheduler.h>

#include "base/id_map.h"
#include "node/deadline_wheel.h"
#include "node/operation.h"

namespace dht::node {

class OperationTable {
 public:
  OperationTable() = default;
  OperationTable(const OperationTable&) = delete;
  OperationTable& operator=(const OperationTable&) = delete;
  ~OperationTable() { take_all(true); }

  OperationId next_id() noexcept { return ++last_id_; }
  /// False, and the operation stays the caller's, where the table is closed.
  bool add(OperationPtr& operation) {
    return add(operation, [](Operation&) {});
  }
  /// The same, and calls `visitor` with it before anybody else can find it.
  template <typename Visitor>
  bool add(OperationPtr& operation, Visitor visitor) {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    visitor(insert(operation));
    return true;
  }
  /// The operation, if it is still under way; null otherwise.
  OperationPtr take(OperationId id) {
    return take(id, [](const Operation&) { return true; });
  }
  /// The same, where `is_wanted(operation)` says so.
  template <typename Wanted>
  OperationPtr take(OperationId id, Wanted is_wanted) {
    std::lock_guard lock(mutex_);
    Operation* const* const found = operations_.find(id);
    return found != nullptr && is_wanted(**found) ? remove(**found) : nullptr;
  }
  /// Calls `visitor` with the operation if it is still under way; whether it was.
  template <typename Visitor>
  bool visit(OperationId id, Visitor visitor) {
    std::lock_guard lock(mutex_);
    Operation* const* const found = operations_.find(id);
    if (found == nullptr) return false;
    visitor(**found);
    return true;
  }
  /// Those sent over a connection, which is gone: they are parked from now on, or taken out where `lost` says so.
  std::vector<OperationPtr> take_sent(ConnectionId connection, const std::function<bool(const Operation&)>& lost,
                                      std::vector<OperationId>& parked);
  /// Those whose deadline has passed, in the order of the deadlines.
  std::vector<OperationPtr> take_expired(Instant now);
  /// Those of one cluster.
  std::vector<OperationPtr> take_in(ClusterId cluster);
  /// All; and none can be added any more where `close` is set.
  std::vector<OperationPtr> take_all(bool close);
  bool has_sent_to(NodeId node) const;
  bool has_in_replica() const;
  /// Whether an operation is still under way in that cluster.
  bool has_in(ClusterId cluster) const;
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  /// So many operations come and go without that memory is asked for.
  static constexpr std::size_t kMostKept = 16 * 1024;

  Operation& insert(OperationPtr& operation);
  OperationPtr remove(Operation& operation);
  /// Those of which `is_wanted(operation)` says so, in the order of their beginning.
  template <typename Wanted>
  std::vector<Operation*> find_all(Wanted is_wanted) const;
  std::vector<OperationPtr> remove_all(const std::vector<Operation*>& operations);

  mutable std::mutex mutex_;
  base::IdMap<Operation*, kMostKept> operations_;  ///< owned
  DeadlineWheel deadlines_;                        ///< of the same
  std::atomic<std::size_t> size_ = 0;              ///< of `operations_`; read without the lock
  bool closed_ = false;
  std::atomic<OperationId> last_id_ = 0;
};

}  // namespace dht::node
