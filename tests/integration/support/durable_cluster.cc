#include "support/durable_cluster.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <numeric>
#include <utility>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/whole_cluster.h"

namespace dht::integration {
namespace {

// Under a sanitizer on a busy machine a node may need seconds for what takes it milliseconds, and would be missed.
std::string lease_ms() { return timed_build() ? "300" : "3000"; }

}  // namespace

DurableCluster::DurableCluster(DurableSetup setup) : setup_(std::move(setup)) {
  for (std::size_t i = 0; i < setup_.nodes; ++i)
    nodes_.push_back(TestNode::spawn(setup_of(i)));
  for (TestNode& node : nodes_)
    node.await_listening();
  for (std::size_t i = 1; i < nodes_.size(); ++i)
    nodes_[i].join(nodes_[0]);
  await_whole();
}

NodeSetup DurableCluster::setup_of(std::size_t node) const {
  NodeSetup setup{.name = fmt::format("n{}", node),
                  .arguments = {"--data-dir", directory(node).string(), "--lease", lease_ms()}};
  setup.arguments.insert(setup.arguments.end(), setup_.arguments.begin(), setup_.arguments.end());
  if (setup_.adjust) setup_.adjust(node, setup);
  return setup;
}

TestNode& DurableCluster::operator[](std::size_t node) {
  nodes_[node].http().disconnect();
  return nodes_[node];
}

std::vector<Endpoint> DurableCluster::endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const TestNode& node : nodes_)
    endpoints.push_back(node.endpoint());
  return endpoints;
}

std::filesystem::path DurableCluster::directory(std::size_t node) const {
  return folder_.path() / fmt::format("n{}", node);
}

void DurableCluster::crash_all() {
  for (TestNode& node : nodes_) {
    node.expect_end();
    node.process().signal(SIGKILL);
  }
  for (TestNode& node : nodes_)
    node.crash();
}

void DurableCluster::restart_all(std::mt19937_64& random) {
  std::vector<std::size_t> order(nodes_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  for (const std::size_t node : order)
    nodes_[node].restart();
}

bool DurableCluster::all_say(const Judge& holds) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    try {
      if (!holds((*this)[i].view())) return false;
    } catch (const std::exception&) {
      return false;
    }
  }
  return true;
}

std::string DurableCluster::describe() {
  std::string text;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    text += "\n  " + nodes_[i].name() + ": ";
    try {
      text += dht::integration::describe((*this)[i].view());
    } catch (const std::exception& error) {
      text += error.what();
    }
  }
  return text;
}

void DurableCluster::await(std::string_view what, const Judge& holds) {
  const bool came = eventually([&] { return all_say(holds); }, kComebackPatience);
  REQUIRE_MESSAGE(came, "not all nodes say that ", what, ": ", describe());
}

void DurableCluster::await_whole() {
  await("the cluster is whole", [this](const ClusterView& view) { return says_whole(view, nodes_.size()); });
}

void DurableCluster::await_all_copies() {
  await("everybody is there and there are all copies", [this](const ClusterView& view) {
    const auto serves = [](const MemberView& member) { return member.state == "active" && member.lease; };
    return view.ready && view.members.size() == nodes_.size() && std::ranges::all_of(view.members, serves) &&
           view.under_replicated == 0 && view.unserved == 0;
  });
}

std::vector<std::string> DurableCluster::ids() {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    ids.push_back((*this)[i].view().id);
  return ids;
}

}  // namespace dht::integration
