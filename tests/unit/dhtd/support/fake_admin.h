// FakeAdmin: a ClusterAdmin that does what the test tells it. At first it is a ready cluster of one.
//
// Thread rule: one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cluster_admin.h"

namespace dhtd::testing {

class FakeAdmin final : public ClusterAdmin {
 public:
  FakeAdmin() {
    node_status.name = "this";
    node_status.id = dht::NodeId{1};
    node_status.address = {"localhost", 9876};
    node_status.map = std::make_shared<const dht::ClusterMap>(
        dht::found_cluster(dht::ClusterId{1}, {}, node_status.id, node_status.name, node_status.address));
    node_status.ready = true;
  }

  void join(std::string_view peers, dht::JoinGoal goal, dht::StatusHandler handler) override {
    joins.emplace_back(peers);
    goals.push_back(goal);
    join_handlers.push_back(std::move(handler));
  }
  void leave(dht::StatusHandler handler) override { leave_handlers.push_back(std::move(handler)); }
  void leave_for_good(dht::StatusHandler handler) override { last_leave_handlers.push_back(std::move(handler)); }
  void step_aside(dht::StatusHandler handler) override { aside_handlers.push_back(std::move(handler)); }
  void forget(std::string_view name, dht::StatusHandler handler) override {
    forgotten.emplace_back(name);
    forget_handlers.push_back(std::move(handler));
  }
  void recover(dht::StatusHandler handler) override { recover_handlers.push_back(std::move(handler)); }
  dht::NodeId id() const override { return node_status.id; }
  dht::NodeStatus status() const override { return node_status; }
  dht::ClusterMapPtr map() const override { return node_status.map; }
  bool is_ready() const override { return node_status.ready; }
  std::vector<std::string> peers() const override { return peer_names; }
  /// One key a page, with its index as the cursor; the handler is called at once, or kept where `hold_pages`.
  void list_keys(dht::KeyCursor from, std::size_t, dht::KeyPageHandler handler) const override {
    ++pages_asked;
    const auto index = static_cast<std::size_t>(from.partition);
    dht::KeyPage page;
    if (index < keys.size()) page.keys.push_back(keys[index]);
    page.next.partition = from.partition + 1;
    page.next.at_end = index + 1 >= keys.size();
    const bool fails = index >= fail_from;
    if (hold_pages) {
      held_pages.push_back({std::move(handler), fails ? dht::KeyPage{} : std::move(page), fails});
      return;
    }
    handler(fails ? make_error_code(dht::Errc::stopped) : std::error_code(), fails ? dht::KeyPage{} : std::move(page));
  }
  void release_page() const {
    auto held = std::move(held_pages.front());
    held_pages.erase(held_pages.begin());
    held.handler(held.fails ? make_error_code(dht::Errc::stopped) : std::error_code(), std::move(held.page));
  }

  std::vector<std::string> joins;
  std::vector<dht::JoinGoal> goals;
  std::vector<dht::StatusHandler> join_handlers;
  std::vector<dht::StatusHandler> leave_handlers;
  std::vector<dht::StatusHandler> aside_handlers;
  std::vector<dht::StatusHandler> last_leave_handlers;  ///< of leaves for good
  std::vector<std::string> forgotten;
  std::vector<dht::StatusHandler> forget_handlers;
  std::vector<dht::StatusHandler> recover_handlers;
  dht::NodeStatus node_status;
  std::vector<std::string> peer_names{"this"};
  std::vector<std::string> keys;
  std::size_t fail_from = static_cast<std::size_t>(-1);  ///< the page that fails
  bool hold_pages = false;

  struct HeldPage {
    dht::KeyPageHandler handler;
    dht::KeyPage page;
    bool fails = false;
  };
  mutable std::vector<HeldPage> held_pages;
  mutable std::size_t pages_asked = 0;
};

}  // namespace dhtd::testing
