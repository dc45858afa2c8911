// A client thread that behaves as HTTP clients do: it keeps its connections, and where a node refuses one, or closes a
// kept one before any byte of an answer, it asks another node. All else counts as a failure.
//
// Thread rule: made, stopped and asked by one thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/http_client.h"

namespace dht::integration {

class RoamingClient {
 public:
  /// Writes, reads and deletes keys of its own through any of the nodes.
  RoamingClient(int number, std::vector<Endpoint> nodes);
  ~RoamingClient() { stop(); }

  /// Ends the thread and gives the first failure or wrong answer; empty where there was none.
  std::string stop();
  /// What the table must hold of its keys; after `stop`.
  const std::map<std::string, std::string>& expected() const { return expected_; }
  std::uint64_t operations() const { return operations_; }
  /// Requests that another node was asked.
  std::uint64_t moved_on() const { return moved_on_; }

 private:
  void run();
  std::string step();
  Response request(std::string_view method, const std::string& key, const std::string& value);
  std::optional<Response> try_at(std::size_t node, std::string_view method, const std::string& key,
                                 const std::string& value);

  const int number_;
  const std::vector<Endpoint> nodes_;
  std::mt19937_64 random_;
  std::map<std::size_t, HttpClient> connections_;
  std::map<std::string, std::string> expected_;
  std::string trouble_;
  std::atomic<std::uint64_t> operations_{0};
  std::atomic<std::uint64_t> moved_on_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace dht::integration
