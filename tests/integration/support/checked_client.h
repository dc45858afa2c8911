// A client thread that writes, reads and deletes keys that nobody else writes,
// so that it knows every answer.
//
// Thread rule: constructed, stopped and asked by one thread; `node_left` and
// `node_joined` of `ServingNodes` may be called from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/http_client.h"

namespace dht::integration {

/// The members that clients may use just now. A node that stands alone is a
/// table of its own, where a client of the cluster has no business.
class ServingNodes {
 public:
  explicit ServingNodes(std::vector<Endpoint> nodes);

  std::size_t size() const { return nodes_.size(); }
  /// Returns once no request that was begun at the node is under way.
  void suspend(std::size_t node);
  void resume(std::size_t node);
  /// Calls `use(index, endpoint)` with some node in service, which stays in
  /// service during the call.
  template <typename Use>
  void with_some_node(std::mt19937_64& random, Use&& use) {
    for (;;) {
      Serving& node = *nodes_[random() % nodes_.size()];
      const std::shared_lock lock(node.mutex, std::try_to_lock);
      if (!lock.owns_lock() || !node.serving) continue;
      return use(node.index, node.endpoint);
    }
  }

 private:
  struct Serving {
    std::size_t index;
    Endpoint endpoint;
    std::shared_mutex mutex;
    bool serving = true;
  };
  std::vector<std::unique_ptr<Serving>> nodes_;
};

class CheckedClient {
 public:
  /// Works on keys "client<number>-...", as fast as answers come.
  CheckedClient(int number, ServingNodes& nodes, std::size_t keys = 200);
  ~CheckedClient();

  /// Ends the thread and gives the first wrong answer or error; empty where
  /// there was none.
  std::string stop();
  /// What the table must hold of this client's keys; after `stop`.
  const std::map<std::string, std::string>& expected() const { return expected_; }
  std::uint64_t operations() const { return operations_; }
  /// The longest that any answer took, in seconds; after `stop`.
  double slowest() const { return slowest_; }

 private:
  void run();
  std::string step(std::mt19937_64& random);
  std::string exchange(HttpClient& http, std::mt19937_64& random);

  const int number_;
  ServingNodes& nodes_;
  const std::size_t keys_;
  std::map<std::size_t, HttpClient> connections_;
  std::map<std::string, std::string> expected_;
  std::string trouble_;
  double slowest_ = 0;
  std::atomic<std::uint64_t> operations_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace dht::integration
