#include "cluster/peer_search.h"

#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

namespace dht::cluster {

namespace {

std::string why_silent(std::error_code error) {
  if (error == Errc::unreachable) return "no dht node answers there";
  if (error == Errc::outcome_unknown) return "it has not answered in time";
  if (error == Errc::incompatible) return "it speaks another version of the protocol";
  return error.message();
}

}  // namespace

bool is_preferred(const ClusterMap& cluster, const ClusterMap& over) noexcept {
  if (cluster.nodes.size() != over.nodes.size()) return cluster.nodes.size() > over.nodes.size();
  return cluster.cluster < over.cluster;
}

void PeerSearch::start(const std::vector<PeerName>& peers, JoinGoal goal, Handler handler) {
  peers_ = peers;
  goal_ = goal;
  greetings_.assign(peers.size(), {});
  handler_ = std::move(handler);
  // One after the other, where the first that answers decides.
  outstanding_ = goal == JoinGoal::one_peer ? 1 : peers.size();
  for (std::size_t index = 0; index < outstanding_; ++index)
    greet(index);
}

void PeerSearch::greet(std::size_t index) {
  member_.calls().call(
      Peer{.address = peers_[index].address}, member_.make_call(wire::CallKind::hello), member_.options().step_timeout,
      [this, index](std::error_code error, const wire::Answer& answer) { on_greeted(index, error, answer); });
}

void PeerSearch::on_greeted(std::size_t index, std::error_code error, const wire::Answer& answer) {
  if (!handler_) return;
  if (error == Errc::stopped) return finish(error);
  Greeting& greeting = greetings_[index];
  if (error || answer.error || !answer.map) {
    greeting.failure = error ? why_silent(error) : answer.message;
  } else {
    member_.note_address(answer.who, peers_[index].address);
    greeting = {.map = answer.map, .is_busy = answer.try_later, .failure = {}};
  }
  const bool decides = greeting.map && !is_self(*greeting.map);
  if (goal_ == JoinGoal::one_peer && !decides && index + 1 < peers_.size()) return greet(index + 1);
  if (--outstanding_ == 0) finish({});
}

bool PeerSearch::is_self(const ClusterMap& map) const {
  const ClusterMapPtr own = member_.map();
  return map.cluster == own->cluster && own->nodes.size() == 1;
}

void PeerSearch::finish(std::error_code error) {
  Result result;
  const ClusterId own = member_.map()->cluster;
  for (std::size_t i = 0; i < greetings_.size(); ++i) {
    const Greeting& greeting = greetings_[i];
    if (!greeting.map) {
      if (greeting.failure.empty()) continue;
      if (!result.unreached.empty()) result.unreached += "; ";
      result.unreached += fmt::format("{}: {}", to_string(peers_[i].address), greeting.failure);
    } else if (greeting.map->cluster == own) {
      const bool is_newest = !result.home || is_newer(*greeting.map, *result.home);
      if (is_newest && !is_self(*greeting.map)) result.home = greeting.map;
    } else if (!result.cluster || is_preferred(*greeting.map, *result.cluster)) {
      result.cluster = greeting.map;
      result.is_busy = greeting.is_busy;
    }
  }
  std::exchange(handler_, nullptr)(error, std::move(result));
}

}  // namespace dht::cluster
