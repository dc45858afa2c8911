// OperationTable: the operations under way. Whoever takes one out calls its handler, so each is answered exactly once.
//
// Thread rule: all methods may be called from any thread. A function given to `visit` runs under the table's
// lock and must not call the table, nor any handler.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include <dht/scheduler.h>

#include "node/operation.h"

namespace dht::node {

class OperationTable {
 public:
  OperationId next_id() noexcept { return ++last_id_; }
  /// False, and the operation stays the caller's, where the table is closed.
  bool add(Operation& operation);
  /// The operation, if it is still under way.
  std::optional<Operation> take(OperationId id);
  /// Calls `visitor` with the operation if it is still under way; whether it was.
  template <typename Visitor>
  bool visit(OperationId id, Visitor visitor) {
    std::lock_guard lock(mutex_);
    const auto found = operations_.find(id);
    if (found == operations_.end()) return false;
    visitor(*found->second);
    return true;
  }
  /// Those sent over a connection, which is gone: they are parked from now on, or taken out where `lost` says so.
  std::vector<Operation> take_sent(ConnectionId connection, const std::function<bool(const Operation&)>& lost,
                                   std::vector<OperationId>& parked);
  /// Those whose deadline has passed.
  std::vector<Operation> take_expired(Instant now);
  /// Those of one cluster.
  std::vector<Operation> take_in(ClusterId cluster);
  /// All; and none can be added any more where `close` is set.
  std::vector<Operation> take_all(bool close);
  bool has_sent_to(NodeId node) const;
  bool has_in_replica() const;
  /// Whether an operation is still under way in that cluster.
  bool has_in(ClusterId cluster) const;
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  using Operations = std::unordered_map<OperationId, std::unique_ptr<Operation>>;
  Operation remove(Operations::iterator at);

  mutable std::mutex mutex_;
  Operations operations_;
  std::set<std::pair<Instant, OperationId>> deadlines_;
  std::atomic<std::size_t> size_ = 0;  ///< of `operations_`; read without the lock
  bool closed_ = false;
  std::atomic<OperationId> last_id_ = 0;
};

}  // namespace dht::node
