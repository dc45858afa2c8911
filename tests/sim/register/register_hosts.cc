// The places: who is there, how it dies and comes back.
#include <algorithm>
#include <optional>

#include "agreement/acceptor.h"
#include "agreement/quorum.h"
#include "register_world.h"

namespace dht::testing {

using agreement::AcceptorState;
using agreement::QuorumRegister;

namespace {

constexpr ClusterId kCluster{77};

std::string_view to_string(RegisterBus::Fate fate) {
  switch (fate) {
    case RegisterBus::Fate::usual:
      return "";
    case RegisterBus::Fate::lost:
      return " (lost)";
    case RegisterBus::Fate::late:
      return " (late)";
  }
  return "";
}

NodeRecord record_of(NodeId id, Address address) {
  return {id, "n" + std::to_string(id.value), std::move(address), NodeState::active};
}

}  // namespace

/// One voter alone, or some that have accepted the first map.
void RegisterWorld::found() {
  ClusterMap first = found_cluster(kCluster, {.partitions = 1}, NodeId{1}, "n1", address_of(0));
  for (Place place = 1; place < hosts_.size(); ++place)
    first.nodes.push_back(record_of(NodeId{place + 1}, address_of(place)));
  const std::uint64_t voters[] = {1, 3, 3, 5};
  const std::uint64_t wanted = std::min<std::uint64_t>(voters[below(4)], hosts_.size());
  for (std::uint64_t id = 2; id <= wanted; ++id)
    first.voters.push_back(NodeId{id});
  const auto map = std::make_shared<const ClusterMap>(std::move(first));
  history_ = std::make_unique<RegisterHistory>(map);
  for (Place place = 0; place < hosts_.size(); ++place) {
    Host& host = hosts_[place];
    host.id = NodeId{++last_id_};
    host.known = map;
    host.kept = map->is_voter(host.id) ? agreement::founder_of(map) : agreement::newcomer_to(*map);
    start(place);
  }
}

/// With what it had kept.
void RegisterWorld::start(Place place) {
  Host& host = hosts_[place];
  host.scheduler = std::make_unique<ManualScheduler>(timeline_, random_());
  host.reg = std::make_unique<QuorumRegister>(
      host.id, random_() | 1, *host.scheduler,
      [this, place](const ClusterMap& directory, NodeId voter, wire::Call call, RegisterBus::AnswerHandler answer) {
        ask(place, directory, voter, std::move(call), std::move(answer));
      });
  host.reg->become(host.is_member() ? host.known : host.kept.map, host.kept);
  host.dying = false;
  host.proposing = {};
}

void RegisterWorld::crash(Place place) {
  Host& host = hosts_[place];
  if (!host.is_up()) return;
  count("crashes");
  say("place {}: n{} crashes", place, host.id.value);
  host.kept = host.reg->acceptor().state();
  bus_->forget(place);
  host.reg.reset();
  host.scheduler.reset();
  for (const auto operation : std::exchange(host.running, {}))
    history_->abandon(operation);
}

/// Either with its memory, though perhaps not of the newest chosen map that it knew, or as another node at the same
/// address, which is told of the cluster by anybody.
void RegisterWorld::restart(Place place, bool blank) {
  Host& host = hosts_[place];
  if (blank) {
    host.id = NodeId{++last_id_};
    host.left_at = 0;
    host.wants_to_leave = false;
    host.known = history_->older(below(4));
    host.kept = agreement::newcomer_to(*host.known);
  } else if (host.is_member() && chance(60)) {
    const ClusterMapPtr& older = history_->older(below(20));
    if (older->revision >= host.kept.since && older->revision < host.known->revision) host.known = older;
  }
  count(blank ? "restarts as another node" : "restarts");
  say("place {}: n{} starts, knowing revision {}", place, host.id.value, host.known->revision);
  start(place);
}

void RegisterWorld::bring_back_later(Place place) {
  later(some_ms(chance(80) ? 4 : 60), [this, place] {
    if (hosts_[place].is_up()) return;
    restart(place, chance(blank_) && may_lose(hosts_[place].id));
    if (chance(70)) use(place);
  });
}

void RegisterWorld::ask(Place from, const ClusterMap& directory, NodeId voter, wire::Call call,
                        RegisterBus::AnswerHandler answer) {
  const auto fate = fate_of(from, call);
  if (trace_ != nullptr) {
    const auto& ballot = call.voter->ballot;
    say("place {}: asks n{} to {} ballot {}.{}{}{}", from, voter.value,
        call.kind == wire::CallKind::prepare ? "promise" : "accept at", ballot.counter, ballot.node.value,
        call.map ? fmt::format(", revision {}, proposal {}", call.map->revision, call.map->partitions[0].epoch) : "",
        to_string(fate));
  }
  const Place to = directory.find(voter)->address.port - 1u;
  bus_->ask(from, to, std::move(call), std::move(answer), fate);
}

/// A proposer may die of its proposal, above all where it changes the voters: some voters get it, some get it late,
/// some never.
RegisterBus::Fate RegisterWorld::fate_of(Place from, const wire::Call& call) {
  Host& host = hosts_[from];
  if (is_calm_ || call.kind != wire::CallKind::accept) return RegisterBus::Fate::usual;
  if (host.proposing != call.voter->ballot) {
    host.proposing = call.voter->ballot;
    if (!host.dying && chance(call.map->next_voters.empty() ? aim_ : 2 * aim_)) {
      host.dying = true;
      count("deaths while proposing");
      later({}, [this, from] {
        crash(from);
        bring_back_later(from);
      });
    }
  }
  if (!host.dying) return RegisterBus::Fate::usual;
  const RegisterBus::Fate fates[] = {RegisterBus::Fate::usual, RegisterBus::Fate::lost, RegisterBus::Fate::late};
  return fates[below(3)];
}

/// Whatever map is chosen, a majority of each list of its voters remains.
bool RegisterWorld::may_lose(NodeId id) const {
  std::set<NodeId> left;
  for (const Host& host : hosts_) {
    if (host.id != id && host.is_member()) left.insert(host.id);
  }
  const auto maps = history_->open();
  return std::all_of(maps.begin(), maps.end(),
                     [&](const ClusterMapPtr& map) { return agreement::is_quorum(*map, left); });
}

bool RegisterWorld::is_going_or_gone(NodeId id) const {
  return std::none_of(hosts_.begin(), hosts_.end(),
                      [id](const Host& host) { return host.id == id && !host.wants_to_leave; });
}

/// A node that was taken out of the map stands alone from then on, and forgets what it was. Taken in again, it comes
/// back.
void RegisterWorld::leave_or_rejoin(Place place) {
  Host& host = hosts_[place];
  if (!host.is_up()) return;
  const ClusterMapPtr& newest = history_->newest();
  const bool is_in = newest->find(host.id) != nullptr;
  if (host.is_member() && !is_in && host.known->find(host.id) != nullptr) {
    count("leaves");
    say("place {}: n{} leaves as of revision {}", place, host.id.value, newest->revision);
    host.left_at = newest->revision;
    host.wants_to_leave = false;
    const auto alone = std::make_shared<const ClusterMap>(
        found_cluster(ClusterId{random_() | 1}, {.partitions = 1}, host.id, "alone", address_of(place)));
    return host.reg->become(alone, agreement::founder_of(alone));
  }
  if (host.is_member() || !is_in || newest->revision <= host.left_at) return;
  count("joins again");
  say("place {}: n{} is back as of revision {}", place, host.id.value, newest->revision);
  host.left_at = 0;
  host.known = newest;
  host.reg->become(newest, agreement::newcomer_to(*newest));
}

void RegisterWorld::learn(Place place, const ClusterMapPtr& chosen) {
  Host& host = hosts_[place];
  if (!host.is_member() || chosen->revision <= host.known->revision) return;
  host.known = chosen;
  if (host.is_up()) host.reg->learn(chosen);
}

}  // namespace dht::testing
