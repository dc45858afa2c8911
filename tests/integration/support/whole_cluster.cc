#include "support/whole_cluster.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "support/interrupt.h"

namespace dht::integration {
namespace {

constexpr std::uint16_t kPortInNamespace = 9876;
constexpr std::size_t kMostVoters = 5;
constexpr std::chrono::seconds kStatusPatience{5};

/// Nothing depends on it any more.
bool is_former(const MemberView& member) { return member.state == "down" && member.primary + member.backup == 0; }

}  // namespace

bool says_whole(const ClusterView& view, std::size_t nodes) {
  const auto is_there = [](const MemberView& member) { return member.state == "active" && member.lease; };
  const bool all_there = std::ranges::all_of(
      view.members, [&](const MemberView& member) { return is_there(member) || is_former(member); });
  const auto there = static_cast<std::size_t>(std::ranges::count_if(view.members, is_there));
  const std::size_t voters = std::min(nodes - (nodes + 1) % 2, kMostVoters);
  return all_there && view.ready && there == nodes && view.voters.size() == voters && view.healthy == view.partitions &&
         view.under_replicated == 0 && view.unserved == 0 && view.moving == 0;
}

std::string describe(const ClusterView& view) {
  std::string text = fmt::format(
      "revision {}, leader {}, {} voters, {} healthy, {} under-replicated, {} unserved, {} moving;", view.revision,
      view.leader, view.voters.size(), view.healthy, view.under_replicated, view.unserved, view.moving);
  for (const MemberView& member : view.members)
    text += fmt::format(" {} {}{} {}+{}", member.name, member.state, member.lease ? "" : " without a lease",
                        member.primary, member.backup);
  return text;
}

WholeCluster::WholeCluster(std::size_t nodes, std::size_t replicas, StormNetwork& network) : network_(network) {
  std::vector<Endpoint> endpoints;
  for (std::size_t i = 0; i < nodes; ++i) {
    NodeSetup setup{.name = fmt::format("n{}", i), .arguments = {"--replicas", std::to_string(replicas)}};
    if (network.can_cut()) {
      setup.port = kPortInNamespace;
      setup.launcher = network.launcher(i);
      setup.arguments.insert(setup.arguments.end(), {"--host", network.host(i)});
    }
    nodes_.emplace_back(std::move(setup));
    endpoints.push_back(nodes_.back().endpoint());
    if (i > 0) nodes_.back().join(nodes_.front());
  }
  serving_.emplace(std::move(endpoints));
}

TestNode& WholeCluster::operator[](std::size_t node) {
  nodes_[node].http().disconnect();
  return nodes_[node];
}

std::optional<ClusterView> WholeCluster::view(std::size_t node) {
  if (!nodes_[node].process().running()) return std::nullopt;
  try {
    // On a connection of its own: an answer that came too late would be taken for that to another request.
    HttpClient http = nodes_[node].new_client(kStatusPatience);
    return view_of(http);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::size_t WholeCluster::leader() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto said = view(i);
    if (!said || !said->ready) continue;
    for (std::size_t j = 0; j < nodes_.size(); ++j)
      if (nodes_[j].name() == said->leader) return j;
  }
  return 0;
}

void WholeCluster::crash(std::size_t node) {
  nodes_[node].crash();
  serving_->suspend(node);
}

void WholeCluster::leave(std::size_t node) {
  serving_->suspend(node);
  (*this)[node].leave();
}

void WholeCluster::join(std::size_t node, std::size_t member) {
  std::string answer;
  const bool is_joined = eventually(
      [&] {
        throw_if_interrupted();
        const Response response = (*this)[node].http().post("/dht/join", nodes_[member].peer());
        answer = response.body;
        return response.status == 200;
      },
      kHealingPatience);
  if (!is_joined) throw std::runtime_error(nodes_[node].name() + " is not taken: " + answer);
  serving_->resume(node);
}

std::optional<std::uint64_t> WholeCluster::whole_revision() {
  std::optional<std::uint64_t> revision;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto said = view(i);
    if (!said || !says_whole(*said, nodes_.size())) return std::nullopt;
    if (revision && said->revision != *revision) return std::nullopt;
    revision = said->revision;
  }
  return revision;
}

bool WholeCluster::await_whole(SteadyClock::duration calm, SteadyClock::duration patience) {
  std::optional<std::uint64_t> calm_revision;
  auto calm_since = SteadyClock::now();
  return eventually(
      [&] {
        throw_if_interrupted();
        const auto asked = SteadyClock::now();
        const auto revision = whole_revision();
        if (!revision || revision != calm_revision) calm_since = asked;
        calm_revision = revision;
        return revision && asked - calm_since >= calm;
      },
      patience);
}

std::size_t WholeCluster::forget_former() {
  std::size_t forgotten = 0;
  for (const MemberView& member : (*this)[0].view().members) {
    if (!is_former(member)) continue;
    const Response response = nodes_[0].http().post("/dht/forget?name=" + member.name);
    if (response.status != 200) throw std::runtime_error("cannot forget " + member.name + ": " + response.body);
    ++forgotten;
  }
  return forgotten;
}

std::string WholeCluster::describe() {
  std::string text;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto said = view(i);
    text += fmt::format("  {}: {}\n", nodes_[i].name(), said ? dht::integration::describe(*said) : "no answer");
  }
  return text;
}

}  // namespace dht::integration
