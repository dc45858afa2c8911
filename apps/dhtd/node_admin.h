// NodeAdmin: the ClusterAdmin of a real node.
//
// Thread rule: as in ClusterAdmin.
#pragma once

#include <string>
#include <utility>

#include "cluster_admin.h"

namespace dhtd {

class NodeAdmin final : public ClusterAdmin {
 public:
  /// The node must outlive this object. `why_no_join`, if not empty, is the sentence with which every join is refused.
  NodeAdmin(dht::Node& node, std::string why_no_join) noexcept : node_(node), why_no_join_(std::move(why_no_join)) {}

  void join(std::string_view peers, dht::JoinGoal goal, dht::StatusHandler handler) override {
    if (!why_no_join_.empty()) return handler({dht::Errc::conflict, why_no_join_});
    node_.join(peers, goal, std::move(handler));
  }
  void leave(dht::StatusHandler handler) override { node_.leave(std::move(handler)); }
  void leave_for_good(dht::StatusHandler handler) override { node_.leave_for_good(std::move(handler)); }
  void step_aside(dht::StatusHandler handler) override { node_.step_aside(std::move(handler)); }
  void forget(std::string_view name, dht::StatusHandler handler) override { node_.forget(name, std::move(handler)); }
  void recover(dht::StatusHandler handler) override { node_.recover(std::move(handler)); }
  dht::NodeId id() const override { return node_.id(); }
  dht::NodeStatus status() const override { return node_.status(); }
  dht::ClusterMapPtr map() const override { return node_.map(); }
  bool is_ready() const override { return node_.is_ready(); }
  std::vector<std::string> peers() const override { return node_.peers(); }
  void list_keys(dht::KeyCursor from, std::size_t max_bytes, dht::KeyPageHandler handler) const override {
    node_.list_keys(from, max_bytes, std::move(handler));
  }

 private:
  dht::Node& node_;
  std::string why_no_join_;
};

}  // namespace dhtd
