// Client threads that put increasing numbers under keys of their own, and delete some, through all nodes, whatever
// becomes of the nodes; and the judgement of what is found in the end.
//
// Thread rule: made and asked by one thread; they work in threads of their own, between `start` and `stop`.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/ledger.h"
#include "support/test_node.h"

namespace dht::integration {

class Writers {
 public:
  Writers(std::vector<Endpoint> nodes, std::size_t writers, std::size_t keys_each);
  ~Writers() { stop(); }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  void start();
  /// Returns when no request is under way.
  void stop();
  /// Writes that were acknowledged since it was made.
  std::uint64_t acknowledged() const { return acknowledged_; }
  /// Answers that no writer may get; the first of them, or empty. After `stop`.
  std::string trouble() const;
  /// What the node answers for all keys, judged by the ledgers: the first that is wrong, or empty. After `stop`.
  std::string judge(TestNode& node);
  /// How many keys are wrong.
  std::size_t count_wrong(TestNode& node);

 private:
  struct Writer {
    std::size_t number = 0;
    std::mt19937_64 random{};
    std::uint64_t last = 0;  ///< of the numbers that it puts
    Ledger ledger{};
    std::map<std::size_t, HttpClient> connections{};
    std::string trouble{};
    std::thread thread{};
  };
  void run(Writer& writer);
  void write(Writer& writer);
  std::vector<std::string> wrong(TestNode& node);

  const std::vector<Endpoint> nodes_;
  const std::size_t keys_;
  std::list<Writer> writers_;
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace dht::integration
