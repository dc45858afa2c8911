// Joins and leaves while clients work: no client sees an error or a wrong
// answer.
#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/checked_client.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

using Clients = std::vector<std::unique_ptr<CheckedClient>>;

ServingNodes serving(const Nodes& nodes) {
  std::vector<Endpoint> endpoints;
  for (const TestNode& node : nodes)
    endpoints.push_back(node.endpoint());
  return ServingNodes(endpoints);
}

Clients start_clients(int count, ServingNodes& nodes) {
  Clients clients;
  for (int i = 0; i < count; ++i)
    clients.push_back(std::make_unique<CheckedClient>(i, nodes));
  return clients;
}

// Each client gets some work done, so that a step of the test is known to have
// happened under load.
void await_work(const Clients& clients) {
  for (const auto& client : clients) {
    const auto before = client->operations();
    CHECK(eventually([&] { return client->operations() > before + 20; }));
  }
}

// Stops the clients and checks what they saw and that the table holds what they
// wrote, and `others`.
void check_clients(const Clients& clients, Nodes& nodes, Entries others = {}) {
  std::uint64_t operations = 0;
  double slowest = 0;
  for (const auto& client : clients) {
    CHECK(client->stop() == "");
    operations += client->operations();
    slowest = std::max(slowest, client->slowest());
    others.insert(client->expected().begin(), client->expected().end());
  }
  fmt::print("{} operations, the slowest took {:.3f} s\n", operations, slowest);
  for (TestNode& node : nodes)
    CHECK(difference(node, others) == "");
  CHECK(listing_difference(nodes, others) == "");
}

TEST_CASE("nodes join one by one under load") {
  Nodes nodes = start_nodes(6);
  ServingNodes in_service = serving(nodes);
  for (std::size_t i = 1; i < nodes.size(); ++i)
    in_service.suspend(i);
  const Clients clients = start_clients(4, in_service);
  Entries own;
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    const Entries entries = make_entries(fmt::format("of{}-", i), 50);
    put_all(nodes[i], entries);
    own.insert(entries.begin(), entries.end());
    await_work(clients);
    nodes[i].join(nodes[i - 1]);
    in_service.resume(i);
    CHECK(difference(nodes[0], own) == "");
  }
  await_work(clients);
  check_clients(clients, nodes, own);
}

TEST_CASE("any node leaves and comes back, again and again, under load") {
  Nodes nodes = start_cluster(5);
  ServingNodes in_service = serving(nodes);
  const Clients clients = start_clients(4, in_service);
  Entries own;
  std::mt19937_64 random(7);
  for (int round = 0; round < 12; ++round) {
    const std::size_t traveller = random() % nodes.size();
    const std::size_t host = (traveller + 1 + random() % (nodes.size() - 1)) % nodes.size();
    CAPTURE(round);
    await_work(clients);
    in_service.suspend(traveller);
    nodes[traveller].leave();
    await_work(clients);
    const std::string key = fmt::format("alone{}", round);
    nodes[traveller].put(key, nodes[traveller].name());
    own[key] = nodes[traveller].name();
    nodes[traveller].join(nodes[host]);
    in_service.resume(traveller);
  }
  await_work(clients);
  CHECK(all_list_all(nodes));
  check_clients(clients, nodes, own);
}

TEST_CASE("two nodes leave and come back at the same time under load") {
  Nodes nodes = start_cluster(5);
  ServingNodes in_service = serving(nodes);
  const Clients clients = start_clients(3, in_service);
  for (int round = 0; round < 4; ++round) {
    in_service.suspend(3);
    in_service.suspend(4);
    std::array<HttpClient, 2> callers{nodes[3].new_client(), nodes[4].new_client()};
    for (HttpClient& caller : callers)
      caller.send_raw(caller.format("POST", "/dht/leave"));
    for (HttpClient& caller : callers)
      REQUIRE(caller.read_response().status == 200);
    await_work(clients);
    const std::string list = nodes[0].peer();
    for (HttpClient& caller : callers)
      caller.send_raw(caller.format("POST", "/dht/join", list));
    for (HttpClient& caller : callers)
      REQUIRE(caller.read_response().status == 200);
    in_service.resume(3);
    in_service.resume(4);
    await_work(clients);
  }
  CHECK(all_list_all(nodes));
  check_clients(clients, nodes);
}

TEST_CASE("a node's own clients see, during its join, the old table or the union") {
  Nodes nodes = start_nodes(2);
  const Entries theirs = make_entries("theirs-", 2000);
  put_all(nodes[0], theirs);
  ServingNodes only_joiner = serving(nodes);
  only_joiner.suspend(0);
  const Clients clients = start_clients(3, only_joiner);
  await_work(clients);
  nodes[1].join(nodes[0]);
  only_joiner.resume(0);
  await_work(clients);
  check_clients(clients, nodes, theirs);
}

}  // namespace
}  // namespace dht::integration
