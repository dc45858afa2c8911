// ClusterAdmin: what the HTTP handlers need of a node beside its table.
//
// Implementations: `NodeAdmin` (node_admin.h), around a dht::Node; fakes in the tests.
//
// Thread rule: all methods may be called from any thread; handlers are called exactly once, on any thread, perhaps
// inside the call.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <dht/node.h>

namespace dhtd {

class ClusterAdmin {
 public:
  virtual ~ClusterAdmin() = default;
  /// As the methods of dht::Node of the same names.
  virtual void join(std::string_view peers, dht::JoinGoal goal, dht::StatusHandler handler) = 0;
  virtual void leave(dht::StatusHandler handler) = 0;
  virtual void leave_for_good(dht::StatusHandler handler) = 0;
  virtual void step_aside(dht::StatusHandler handler) = 0;
  virtual void forget(std::string_view name, dht::StatusHandler handler) = 0;
  virtual void recover(dht::StatusHandler handler) = 0;
  virtual dht::NodeId id() const = 0;
  virtual dht::NodeStatus status() const = 0;
  virtual dht::ClusterMapPtr map() const = 0;
  virtual bool is_ready() const = 0;
  virtual std::vector<std::string> peers() const = 0;
  virtual void list_keys(dht::KeyCursor from, std::size_t max_bytes, dht::KeyPageHandler handler) const = 0;
};

}  // namespace dhtd
