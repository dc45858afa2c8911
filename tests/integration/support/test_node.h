// One dhtd under test, and clusters of them.
//
// The program is named by the environment variable DHTD. Nodes listen on free
// ports of 127.0.0.1 and log to files under DHT_TEST_LOGS (default: a folder
// under the system's temporary one), one file per node.
//
// Thread rule: nodes are started and stopped by the test's main thread; the
// HTTP calls of one node may be used by that thread only, other threads make
// clients of their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/http_client.h"
#include "support/process.h"

namespace dht::integration {

struct NodeSetup {
  std::string name;
  std::uint16_t port = 0;  ///< 0 takes a free one
  std::vector<std::string> arguments = {};
  std::vector<std::string> launcher = {};  ///< a program, by its path, that becomes the one that its arguments name
};

/// What a node tells of its cluster in `GET /dht/status`.
struct MemberView {
  std::string name;
  std::string id;
  std::string state;
  bool lease = false;
  std::size_t primary = 0;
  std::size_t backup = 0;
  std::size_t entries = 0;
};
struct ClusterView {
  std::string id;  ///< the node's own
  std::uint64_t revision = 0;
  std::string leader;
  std::vector<std::string> voters;
  bool ready = false;
  std::size_t partitions = 0;
  std::size_t healthy = 0;
  std::size_t under_replicated = 0;
  std::size_t unserved = 0;
  std::size_t moving = 0;
  std::vector<MemberView> members = {};

  /// The member of that name in that state, or null.
  const MemberView* find(std::string_view name, std::string_view state) const;
};

/// Asked over that connection. Throws std::runtime_error where there is no answer of status 200.
ClusterView view_of(HttpClient& http);

class TestNode {
 public:
  /// Starts the process; it listens some time later, see `await_listening`.
  static TestNode spawn(NodeSetup setup);
  /// Starts the process and waits until it listens. Throws std::runtime_error,
  /// with its log, where it does not.
  explicit TestNode(NodeSetup setup);
  /// Kills it. Fails the running test where it had ended by itself or a
  /// sanitizer or assertion spoke in its log.
  ~TestNode();
  TestNode(TestNode&&) = default;
  TestNode& operator=(TestNode&&) = delete;

  void await_listening();

  const std::string& name() const { return name_; }
  const Endpoint& endpoint() const { return endpoint_; }
  /// "name:host:port", as a join list takes it.
  std::string peer() const { return name_ + ":" + to_string(endpoint_); }
  Process& process() { return process_; }
  const Process& process() const { return process_; }
  std::string log() const;
  /// A connection that is kept open from call to call.
  HttpClient& http() { return *http_; }
  HttpClient new_client(std::chrono::milliseconds patience = kPatience) const {
    return HttpClient(endpoint_, patience);
  }

  /// These throw std::runtime_error with the answer where its status is not
  /// 200.
  std::string get(std::string_view key);
  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  std::vector<std::string> keys();  ///< in ascending order, though the node lists them in none
  std::vector<std::string> peers();
  ClusterView view();
  void join(const TestNode& member);
  void leave();
  /// Ends it as a crash would (SIGKILL).
  void crash();
  /// Starts a new process under the same name, at the same address, with the same arguments; the former one has ended.
  void restart();
  /// Starts a process with that setup in place of the former one, which has ended. As with `spawn` it need not come to
  /// listen.
  void start_as(NodeSetup setup);
  /// Whether it says that clients may be sent to it.
  bool is_ready();
  /// The test is about to make it end, so that it is no failure if it has.
  void expect_end() { end_expected_ = true; }
  /// Sends SIGTERM and gives the exit code; empty where it has not ended in
  /// time.
  std::optional<int> terminate(std::chrono::milliseconds patience = kPatience);

 private:
  struct Spawn {};
  TestNode(NodeSetup setup, Spawn);

  void check_log() const;

  NodeSetup setup_;
  std::string name_;
  std::string log_file_;
  Process process_;
  Endpoint endpoint_;
  std::unique_ptr<HttpClient> http_;
  bool end_expected_ = false;
};

using Entries = std::map<std::string, std::string>;

/// Nodes of one cluster, in the order in which they joined.
using Nodes = std::vector<TestNode>;

/// Starts nodes "<prefix>0", "<prefix>1"... that each stand alone.
Nodes start_nodes(std::size_t count, std::string_view prefix = "n", const std::vector<std::string>& arguments = {});
/// The same, all joined to the first.
Nodes start_cluster(std::size_t count, std::string_view prefix = "n", const std::vector<std::string>& arguments = {});

void put_all(TestNode& node, const Entries& entries);
/// What the node answers for the keys, in their order; pipelined.
std::vector<std::string> get_all(TestNode& node, const std::vector<std::string>& keys);
/// Keys "<prefix>0".. with a value each that names its key.
Entries make_entries(std::string_view prefix, std::size_t count);

/// Empty where the node answers every key with its value; otherwise a sentence
/// that names the first that is wrong.
std::string difference(TestNode& node, const Entries& expected);
/// Empty where the nodes' listings together name every key exactly once, and no
/// other.
std::string listing_difference(Nodes& nodes, const Entries& expected);
/// True where each node lists exactly these members, itself first.
bool all_list_all(Nodes& nodes);
/// True where each node knows that the partitions are spread evenly over exactly these members and none is moving. From
/// then on they stay where they are: a node that was told to join at its start serves long before that.
bool all_settled(Nodes& nodes);

/// True where times may be asserted: a release build without sanitizers.
bool timed_build();

}  // namespace dht::integration
