// Nodes with their own threads and TCP over loopback.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/node.h>

namespace dht {
namespace {

TEST_CASE("three lines make a node") {
  Node node{{.listen = "localhost:0"}};
  node.put("key", "value");
  CHECK(node.get("key")->value.view() == "value");
  CHECK(node.name() == to_string(node.address()));
}

TEST_CASE("an address in use is an error with a sentence") {
  Node node{{.listen = "localhost:0"}};
  CHECK_THROWS_AS(Node{{.listen = to_string(node.address())}}, std::system_error);
}

TEST_CASE("a node that listens on a wildcard and has no address to tell joins nobody, and nobody joins it") {
  Node wild{{.name = "wild", .listen = "0.0.0.0:0"}};
  Node other{{.listen = "127.0.0.1:0"}};
  CHECK_THROWS_AS(wild.join(to_string(other.address())), std::system_error);
  CHECK_THROWS_AS(other.join("127.0.0.1:" + std::to_string(wild.address().port)), std::system_error);
  CHECK(wild.peers().size() == 1);
  CHECK(other.peers().size() == 1);
}

TEST_CASE("real nodes join and leave while threads work through all of them, and nothing goes wrong") {
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 3; ++i) {
    nodes.push_back(std::make_unique<Node>(NodeOptions{.listen = "localhost:0", .partitions = 64, .threads = 2}));
  }
  nodes[1]->join(to_string(nodes[0]->address()));
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::atomic<int> done = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < 3; ++client) {
    clients.emplace_back([&, client] {
      for (int round = 0; !stop; ++round) {
        const std::string key = std::to_string(client) + "-" + std::to_string(round % 50);
        const std::string value = std::to_string(round);
        Node& writer = *nodes[static_cast<std::size_t>(round % 2)];
        Node& reader = *nodes[static_cast<std::size_t>((round + 1) % 2)];
        std::error_code error;
        writer.put(key, value, error);
        wrong += static_cast<bool>(error);
        const auto entry = reader.get(key, error);
        wrong += error || !entry || entry->value.view() != value;
        ++done;
      }
    });
  }
  for (int round = 0; round < 3; ++round) {
    nodes[2]->join(to_string(nodes[static_cast<std::size_t>(round % 2)]->address()));
    CHECK(nodes[2]->peers().size() == 3);
    nodes[2]->leave();
    CHECK(nodes[0]->peers().size() == 2);
  }
  stop = true;
  for (std::thread& client : clients)
    client.join();
  CHECK(wrong == 0);
  CHECK(done > 0);
}

TEST_CASE("a node can be destroyed at any moment: every handler is called once, and it does not take long") {
  for (int round = 0; round < 30; ++round) {
    auto first = std::make_unique<Node>(NodeOptions{.listen = "localhost:0", .partitions = 64, .threads = 2});
    auto second = std::make_unique<Node>(NodeOptions{.listen = "localhost:0", .partitions = 64, .threads = 2});
    std::atomic<int> answers = 0;
    second->join(to_string(first->address()), [&](Status) { ++answers; });
    for (int i = 0; i < 20; ++i) {
      first->put("k" + std::to_string(i), "v", [&](std::error_code, WriteResult) { ++answers; });
      second->get("k" + std::to_string(i), [&](std::error_code, std::optional<Entry>) { ++answers; });
    }
    if (round % 3 == 0) second->leave([&](Status) { ++answers; });
    (round % 2 == 0 ? first : second).reset();
    first.reset();
    second.reset();
    CHECK(answers == 41 + (round % 3 == 0));
  }
}

}  // namespace
}  // namespace dht
