// The node as a Table, on virtual time and the in-memory network.

#include <chrono>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/node.h>
#include <dht/testing/cluster.h>

namespace dht {
namespace {

using namespace std::chrono_literals;
using testing::Cluster;

/// A key that node `owner` is primary for.
std::string key_of(Cluster& cluster, std::size_t owner) {
  const HashSlotPartitioner partitioner;
  const ClusterMapPtr map = cluster.node(owner).status().map;
  for (int i = 0;; ++i) {
    const std::string key = "key" + std::to_string(i);
    const PartitionId partition = partitioner.partition_of(key, map->settings.partitions);
    if (map->partitions[partition].primary == cluster.node(owner).id()) return key;
  }
}

TEST_CASE("versions grow, and conditions are judged against them, here and through another node") {
  Cluster cluster{{.nodes = 2}};
  for (const std::size_t owner : {std::size_t{0}, std::size_t{1}}) {
    Table& table = cluster.table(0);
    const std::string key = key_of(cluster, owner);
    const WriteResult first = table.put(key, "1");
    CHECK_FALSE(first.existed);
    const WriteResult second = table.put(key, "2");
    CHECK(second.existed);
    CHECK(second.version > first.version);
    CHECK(table.get(key)->version == second.version);
    std::error_code error;
    table.put(key, "3", {.precondition = Precondition::matches(first.version)}, error);
    CHECK(error == Errc::precondition_failed);
    table.put(key, "3", {.precondition = Precondition::absent()}, error);
    CHECK(error == Errc::precondition_failed);
    CHECK(table.compare_and_set(key, second.version, "3"));
    CHECK_FALSE(table.compare_and_set(key, second.version, "4"));
    table.erase(key, {.precondition = Precondition::matches(second.version)}, error);
    CHECK(error == Errc::precondition_failed);
    CHECK(table.erase(key).existed);
    CHECK_FALSE(table.erase(key).existed);
    CHECK_FALSE(table.get(key).has_value());
  }
}

TEST_CASE("keys and values over their limits, and an empty key, are refused and change nothing") {
  Cluster cluster{{.nodes = 1, .node = {.max_key_bytes = 10, .max_value_bytes = 20}}};
  Table& table = cluster.table(0);
  std::error_code error;
  table.put("", "v", error);
  CHECK(error == Errc::invalid_argument);
  table.get("", error);
  CHECK(error == Errc::invalid_argument);
  table.put("12345678901", "v", error);
  CHECK(error == Errc::too_large);
  table.put("k", std::string(21, 'v'), error);
  CHECK(error == Errc::too_large);
  table.put("1234567890", std::string(20, 'v'), error);
  CHECK_FALSE(error);
}

TEST_CASE("any bytes make a key and a value") {
  Cluster cluster{{.nodes = 2}};
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(3, static_cast<char>(byte));
    cluster.table(0).put(bytes, bytes);
    CHECK(cluster.table(1).get(bytes)->value.view() == bytes);
  }
}

TEST_CASE("past its deadline a read is not applied, and a write that was on its way is of unknown outcome") {
  Cluster cluster{{.nodes = 2, .network = {.patience = 1min}}};
  const std::string key = key_of(cluster, 1);
  cluster.table(0).put(key, "v");  // the connection is there
  cluster.network().cut(cluster.address(0), cluster.address(1));
  const auto begin = cluster.timeline().now();
  std::error_code error;
  cluster.table(0).get(key, {.deadline = 500ms}, error);
  CHECK(error == Errc::not_applied);
  cluster.table(0).put(key, "w", {.deadline = 500ms}, error);
  CHECK(error == Errc::outcome_unknown);
  CHECK(cluster.timeline().now() - begin < 1200ms);
}

TEST_CASE("a write that could never be sent is not applied") {
  Cluster cluster{{.nodes = 2, .node = {.partitions = 64, .replicas = 1}}};
  const std::string key = key_of(cluster, 1);
  cluster.crash(1);
  cluster.run_for(5s);
  std::error_code error;
  cluster.table(0).put(key, "v", {.deadline = 500ms}, error);
  CHECK(error == Errc::not_applied);
}

TEST_CASE("while no attempt is made to reach a node a write waits, and past its deadline it is not applied") {
  Cluster cluster{{.nodes = 2, .network = {.backoff = 1min}}};
  const std::string key = key_of(cluster, 1);
  cluster.crash(1);
  const auto begin = cluster.timeline().now();
  std::error_code error;
  cluster.table(0).put(key, "v", {.deadline = 500ms}, error);
  CHECK(error == Errc::not_applied);
  CHECK(cluster.timeline().now() - begin >= 500ms);
}

TEST_CASE("a write that waits for the next attempt to reach a node is sent with it") {
  Cluster cluster{{.nodes = 2, .network = {.connect_timeout = 100ms, .backoff = 300ms}}};
  const std::string key = key_of(cluster, 1);
  cluster.network().cut(cluster.address(0), cluster.address(1));
  std::optional<std::error_code> answer;
  cluster.node(0).put(key, "v", {.deadline = 5s}, [&](std::error_code error, WriteResult) { answer = error; });
  cluster.run_for(200ms);  // the first attempt has failed
  cluster.network().heal();
  REQUIRE(cluster.run_until([&] { return answer.has_value(); }));
  REQUIRE_FALSE(*answer);
  CHECK(cluster.table(1).get(key)->value.view() == "v");
}

TEST_CASE("a write whose connection breaks is of unknown outcome at once, and is not repeated") {
  Cluster cluster{{.nodes = 2}};
  const std::string key = key_of(cluster, 1);
  cluster.table(0).put(key, "v");
  int frames = 0;
  cluster.network().set_filter([&](const Address&, const Address& to, Lane lane, Frame) {
    const bool is_request = lane == Lane::request && to == cluster.address(1);
    frames += is_request;
    return !is_request;
  });
  std::error_code error;
  cluster.table(0).put(key, "w", error);
  CHECK(error == Errc::outcome_unknown);
  CHECK(frames == 1);
}

TEST_CASE("a read whose connection breaks is asked again") {
  Cluster cluster{{.nodes = 2}};
  const std::string key = key_of(cluster, 1);
  cluster.table(0).put(key, "v");
  int broken = 0;
  cluster.network().set_filter([&](const Address&, const Address& to, Lane lane, Frame) {
    return lane != Lane::request || to != cluster.address(1) || ++broken > 2;
  });
  CHECK(cluster.table(0).get(key)->value.view() == "v");
  CHECK(broken == 3);
}

TEST_CASE("a cancelled read was not done; a cancelled write that is on its way is of unknown outcome") {
  Cluster cluster{{.nodes = 2}};
  const std::string key = key_of(cluster, 1);
  std::vector<std::error_code> answers;
  const OperationId read =
      cluster.node(0).get(key, [&](std::error_code error, std::optional<Entry>) { answers.push_back(error); });
  const OperationId write =
      cluster.node(0).put(key, "v", [&](std::error_code error, WriteResult) { answers.push_back(error); });
  cluster.node(0).cancel(read);
  cluster.node(0).cancel(write);
  cluster.node(0).cancel(write);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0] == Errc::cancelled);
  CHECK(answers[1] == Errc::outcome_unknown);
  cluster.run_for(1s);
  CHECK(answers.size() == 2);
}

TEST_CASE("past the limit of requests in flight a node refuses at once, and serves on afterwards") {
  Cluster cluster{{.nodes = 2, .node = {.partitions = 64, .max_requests_in_flight = 10}}};
  const std::string key = key_of(cluster, 1);
  int overloaded = 0;
  int done = 0;
  for (int i = 0; i < 15; ++i) {
    cluster.node(0).put(key, "v", [&](std::error_code error, WriteResult) {
      overloaded += error == Errc::overloaded;
      done += !error;
    });
  }
  CHECK(overloaded == 5);
  cluster.run_for(1s);
  CHECK(done == 10);
  cluster.table(0).put(key, "w");
}

TEST_CASE("garbage and replayed frames from a peer get no answer that does harm, and others are served on") {
  Cluster cluster{{.nodes = 2}};
  const std::string key = key_of(cluster, 1);
  cluster.table(0).put(key, "v");
  const auto stranger = cluster.network().make_transport({"stranger", 1});
  struct Ignore final : TransportReceiver {
    void on_request(const LinkInfo&, Frame) override {}
    void on_reply(const Peer&, Lane, Frame) override { ++replies; }
    void on_broken(const Peer&, Lane, ConnectionId, std::error_code) override { ++broken; }
    void on_link_closed(const LinkInfo&) override {}
    int replies = 0;
    int broken = 0;
  } receiver;
  stranger->start({NodeId{1}, ClusterId{1}, {"stranger", 1}}, receiver);
  const ClusterMapPtr map = cluster.node(1).status().map;
  const Peer peer{cluster.address(1), map->cluster, cluster.node(1).id()};
  for (const Lane lane : {Lane::control, Lane::request, Lane::replication}) {
    for (std::uint16_t type = 0; type < 40; ++type) {
      for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{24}, std::size_t{60}}) {
        const std::string payload(size, static_cast<char>(type * 7 + size));
        CHECK_FALSE(stranger->send(peer, lane, {type, payload}).error);
        cluster.run_for(5ms);
      }
    }
  }
  CHECK(receiver.broken > 0);
  CHECK(cluster.table(0).get(key)->value.view() == "v");
  CHECK(cluster.node(1).status().map->revision == map->revision);
  stranger->stop();
}

TEST_CASE("every partition is served by one node, and by none while it changes hands or its node stands aside") {
  Cluster cluster{{.nodes = 2}};
  const std::size_t joiner = cluster.add_node();
  cluster.table(0).put("k", "v");
  CHECK(cluster.node(joiner).status().serving.size() == 64);
  const auto join = cluster.join(joiner, 0);
  bool changes_hands = false;
  while (!join.is_done()) {
    cluster.timeline().run_one();
    std::set<PartitionId> served;
    std::size_t claims = 0;
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}, joiner}) {
      const NodeStatus status = cluster.node(i).status();
      if (status.map->cluster != cluster.node(0).status().map->cluster) continue;
      served.insert(status.serving.begin(), status.serving.end());
      claims += status.serving.size();
    }
    REQUIRE(claims == served.size());
    changes_hands = changes_hands || claims < 64;
  }
  CHECK(changes_hands);
  // Whoever takes over serves once its backups have told where they stand.
  CHECK(cluster.run_until([&] { return cluster.node(joiner).status().serving.size() == 21; }, 1s));
}

TEST_CASE("a fixed list of nodes is a cluster without joins and leaves") {
  testing::Timeline timeline;
  testing::MemoryNetwork network(timeline);
  std::vector<NodeRecord> records;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    records.push_back({NodeId{i}, "n" + std::to_string(i), {"n" + std::to_string(i), 1}, NodeState::active});
  }
  struct Part {
    std::unique_ptr<testing::ManualScheduler> scheduler;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<Membership> membership;
    std::unique_ptr<Node> node;
  };
  std::vector<Part> parts;
  for (const NodeRecord& record : records) {
    Part& part = parts.emplace_back();
    part.scheduler = std::make_unique<testing::ManualScheduler>(timeline, record.id.value);
    part.transport = network.make_transport(record.address);
    part.membership = make_static_membership(ClusterId{9}, {.partitions = 64}, records);
    part.node = std::make_unique<Node>(
        NodeOptions{.id = record.id, .name = record.name, .listen = to_string(record.address)},
        NodeParts{
            .scheduler = part.scheduler.get(), .transport = part.transport.get(), .membership = part.membership.get()});
  }
  int done = 0;
  for (int i = 0; i < 30; ++i) {
    parts[0].node->put("k" + std::to_string(i), "v", [&](std::error_code error, WriteResult) { done += !error; });
  }
  timeline.run_for(1s);
  CHECK(done == 30);
  for (int i = 0; i < 30; ++i) {
    parts[2].node->get("k" + std::to_string(i),
                       [&](std::error_code, std::optional<Entry> entry) { done += entry.has_value(); });
  }
  timeline.run_for(1s);
  CHECK(done == 60);
  CHECK(parts[1].node->peers() == std::vector<std::string>{"n2", "n1", "n3"});
  Status refused;
  parts[0].node->leave([&](Status status) { refused = std::move(status); });
  CHECK(refused.code == Errc::conflict);
}

}  // namespace
}  // namespace dht
