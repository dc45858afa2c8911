#include "support/test_node.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace dht::integration {

namespace {

constexpr std::size_t kPipelined = 100;

std::string environment(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : std::move(otherwise);
}

// One file per process, in the order of their start.
std::string new_log_file(const std::string& node) {
  static std::atomic<int> started{0};
  const std::filesystem::path folder = environment(
      "DHT_TEST_LOGS", std::filesystem::temp_directory_path() / fmt::format("dht-integration-{}", getpid()));
  std::filesystem::create_directories(folder);
  const std::string file = folder / fmt::format("{:03}-{}.log", ++started, node);
  std::filesystem::remove(file);
  return file;
}

std::vector<std::string> command_line(const NodeSetup& setup) {
  const std::string program = environment("DHTD", "");
  if (program.empty()) throw std::runtime_error("the environment variable DHTD must name the program to test");
  std::vector<std::string> line = setup.launcher;
  line.insert(line.end(), {program, "--host", "127.0.0.1", "--port", std::to_string(setup.port)});
  if (!setup.name.empty()) line.insert(line.end(), {"--name", setup.name});
  line.insert(line.end(), setup.arguments.begin(), setup.arguments.end());
  return line;
}

// The address in the line "listening on HOST:PORT as "NAME""; with several
// addresses, the first.
std::optional<Endpoint> find_endpoint(const std::string& log) {
  static constexpr std::string_view kBefore = "listening on ";
  const std::size_t start = log.find(kBefore);
  if (start == std::string::npos) return std::nullopt;
  const std::size_t end = log.find(" as ", start);
  if (end == std::string::npos) return std::nullopt;
  const std::string address = log.substr(start + kBefore.size(), end - start - kBefore.size());
  const std::size_t colon = address.rfind(':');
  return Endpoint{address.substr(0, colon), static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)))};
}

bool tells_of_a_defect(const std::string& log) {
  for (const char* sign : {"runtime error:", "Sanitizer", "invariant broken"})
    if (log.find(sign) != std::string::npos) return true;
  return false;
}

Response expect_ok(std::string_view what, Response response) {
  if (response.status != 200) throw std::runtime_error(fmt::format("{}: {} {}", what, response.status, response.body));
  return response;
}

}  // namespace

const MemberView* ClusterView::find(std::string_view name, std::string_view state) const {
  const auto found = std::ranges::find_if(
      members, [&](const MemberView& member) { return member.name == name && member.state == state; });
  return found == members.end() ? nullptr : &*found;
}

TestNode TestNode::spawn(NodeSetup setup) { return TestNode(std::move(setup), Spawn{}); }

TestNode::TestNode(NodeSetup setup) : TestNode(std::move(setup), Spawn{}) { await_listening(); }

TestNode::TestNode(NodeSetup setup, Spawn)
    : setup_(std::move(setup)),
      name_(setup_.name),
      log_file_(new_log_file(name_)),
      process_(command_line(setup_), log_file_) {}

TestNode::~TestNode() {
  if (log_file_.empty() || process_.pid() < 0) return;  // moved away
  if (!end_expected_ && !process_.running())
    FAIL_CHECK(name_, " ended by itself with ", process_.wait(0ms).value_or(-1), "; its log: ", log());
  else
    check_log();
}

void TestNode::check_log() const {
  if (const std::string text = log(); tells_of_a_defect(text)) FAIL_CHECK(name_, " reports a defect: ", text);
}

void TestNode::crash() {
  expect_end();
  process_.signal(SIGKILL);
  if (!process_.wait(kPatience)) throw std::runtime_error(name_ + " does not end when it is killed");
}

void TestNode::restart() {
  NodeSetup same = setup_;
  same.port = endpoint_.port;
  start_as(std::move(same));
  await_listening();
}

void TestNode::start_as(NodeSetup setup) {
  check_log();
  setup_ = std::move(setup);
  log_file_ = new_log_file(name_);
  process_ = Process(command_line(setup_), log_file_);
  end_expected_ = false;
}

void TestNode::await_listening() {
  std::optional<Endpoint> found;
  eventually([&] { return (found = find_endpoint(log())) || !process_.running(); });
  if (!found) throw std::runtime_error(name_ + " does not listen; its log: " + log());
  endpoint_ = *found;
  if (name_.empty()) name_ = to_string(endpoint_);
  http_ = std::make_unique<HttpClient>(endpoint_);
}

std::string TestNode::log() const {
  std::ifstream file(log_file_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string TestNode::get(std::string_view key) { return expect_ok(key, http().get(db(key))).body; }
void TestNode::put(std::string_view key, std::string_view value) { expect_ok(key, http().put(db(key), value)); }
void TestNode::erase(std::string_view key) { expect_ok(key, http().del(db(key))); }
std::vector<std::string> TestNode::keys() {
  std::vector<std::string> keys = lines_of(expect_ok("/db", http().get("/db")).body);
  std::ranges::sort(keys);
  return keys;
}
std::vector<std::string> TestNode::peers() { return lines_of(expect_ok("/dht/peers", http().get("/dht/peers")).body); }
void TestNode::join(const TestNode& member) {
  expect_ok(name_ + " joins " + member.name_, http().post("/dht/join", member.peer()));
}
bool TestNode::is_ready() { return http_->get("/readyz").status == 200; }
ClusterView TestNode::view() { return view_of(*http_); }
void TestNode::leave() { expect_ok(name_ + " leaves", http().post("/dht/leave")); }

ClusterView view_of(HttpClient& http) {
  const auto status = nlohmann::json::parse(expect_ok("/dht/status", http.get("/dht/status")).body);
  const auto& partitions = status.at("partitions");
  ClusterView view{.id = status.at("id"),
                   .revision = status.at("revision"),
                   .leader = status.at("leader"),
                   .voters = status.at("voters"),
                   .ready = status.at("ready"),
                   .partitions = partitions.at("total"),
                   .healthy = partitions.at("healthy"),
                   .under_replicated = partitions.at("under_replicated"),
                   .unserved = partitions.at("unserved"),
                   .moving = partitions.at("moving")};
  for (const auto& member : status.at("members")) {
    view.members.push_back({.name = member.at("name"),
                            .id = member.at("id"),
                            .state = member.at("state"),
                            .lease = member.at("lease"),
                            .primary = member.at("primary"),
                            .backup = member.at("backup"),
                            .entries = member.at("entries")});
  }
  return view;
}

std::optional<int> TestNode::terminate(std::chrono::milliseconds patience) {
  expect_end();
  process_.signal(SIGTERM);
  return process_.wait(patience);
}

Nodes start_nodes(std::size_t count, std::string_view prefix, const std::vector<std::string>& arguments) {
  Nodes nodes;
  for (std::size_t i = 0; i < count; ++i)
    nodes.push_back(TestNode::spawn({.name = fmt::format("{}{}", prefix, i), .arguments = arguments}));
  for (TestNode& node : nodes)
    node.await_listening();
  return nodes;
}

Nodes start_cluster(std::size_t count, std::string_view prefix, const std::vector<std::string>& arguments) {
  Nodes nodes = start_nodes(count, prefix, arguments);
  for (std::size_t i = 1; i < count; ++i)
    nodes[i].join(nodes[0]);
  return nodes;
}

void put_all(TestNode& node, const Entries& entries) {
  std::vector<std::string> requests;
  const auto flush = [&] {
    for (Response& response : node.http().pipeline(requests))
      expect_ok("put to " + node.name(), std::move(response));
    requests.clear();
  };
  for (const auto& [key, value] : entries) {
    requests.push_back(node.http().format("PUT", db(key), value));
    if (requests.size() == kPipelined) flush();
  }
  flush();
}

std::vector<std::string> get_all(TestNode& node, const std::vector<std::string>& keys) {
  std::vector<std::string> values;
  std::vector<std::string> requests;
  const auto flush = [&] {
    for (Response& response : node.http().pipeline(requests))
      values.push_back(expect_ok("get from " + node.name(), std::move(response)).body);
    requests.clear();
  };
  for (const std::string& key : keys) {
    requests.push_back(node.http().format("GET", db(key)));
    if (requests.size() == kPipelined) flush();
  }
  flush();
  return values;
}

Entries make_entries(std::string_view prefix, std::size_t count) {
  Entries entries;
  for (std::size_t i = 0; i < count; ++i)
    entries.emplace(fmt::format("{}{}", prefix, i), fmt::format("value of {}{}", prefix, i));
  return entries;
}

std::string difference(TestNode& node, const Entries& expected) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : expected)
    keys.push_back(key);
  const std::vector<std::string> values = get_all(node, keys);
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (const std::string& wanted = expected.at(keys[i]); values[i] != wanted)
      return fmt::format("{} answers '{}' for {}, not '{}'", node.name(), values[i], keys[i], wanted);
  return {};
}

std::string listing_difference(Nodes& nodes, const Entries& expected) {
  std::set<std::string> seen;
  for (TestNode& node : nodes)
    for (const std::string& key : node.keys()) {
      if (!expected.contains(key)) return fmt::format("{} lists {}, which nobody wrote", node.name(), key);
      if (!seen.insert(key).second) return fmt::format("{} lists {}, which another node lists too", node.name(), key);
    }
  for (const auto& [key, value] : expected)
    if (!seen.contains(key)) return fmt::format("no node lists {}", key);
  return {};
}

bool all_list_all(Nodes& nodes) {
  std::vector<std::string> names;
  for (const TestNode& node : nodes)
    names.push_back(node.name());
  return std::ranges::all_of(nodes, [&](TestNode& node) {
    std::vector<std::string> listed = node.peers();
    return !listed.empty() && listed.front() == node.name() && std::ranges::is_permutation(listed, names);
  });
}

bool all_settled(Nodes& nodes) {
  return std::ranges::all_of(nodes, [&](TestNode& node) {
    const ClusterView view = node.view();
    if (view.members.size() != nodes.size() || view.moving != 0) return false;
    const std::size_t least = view.partitions / nodes.size();
    return std::ranges::all_of(view.members, [least](const MemberView& member) {
      return member.primary == least || member.primary == least + 1;
    });
  });
}

bool timed_build() { return std::getenv("DHT_TEST_TIMED") != nullptr; }

}  // namespace dht::integration
