#include "cluster/member.h"

#include <algorithm>
#include <utility>

#include <dht/error.h>
#include <dht/partitioner.h>

#include "base/random_id.h"
#include "cluster/map_news.h"
#include "cluster/refusal.h"
#include "lease/rules.h"

namespace dht::cluster {
namespace {

constexpr Duration kAskAgain = std::chrono::milliseconds(50);

ClusterMapPtr founded(const MemberOptions& options, ClusterId cluster) {
  ClusterSettings settings;
  settings.partitions = options.partitions.value_or(kDefaultPartitions);
  settings.replicas = options.replicas.value_or(kDefaultReplicas);
  settings.lease_ms = options.lease_ms.value_or(settings.lease_ms);
  return std::make_shared<const ClusterMap>(
      found_cluster(cluster, settings, options.id, options.name, options.address));
}

}  // namespace

bool is_newer(const ClusterMap& map, const ClusterMap& than) noexcept {
  return map.cluster == than.cluster && map.settings == than.settings && map.revision > than.revision;
}

MembershipView make_view(const std::vector<wire::MemberReport>& members,
                         const std::vector<wire::OperationReport>& operations) {
  MembershipView view;
  for (const wire::MemberReport& member : members) {
    view.members.push_back(
        {.node = member.node, .alive = member.alive, .statistics = member.statistics, .is_full = member.is_full});
  }
  for (const wire::OperationReport& operation : operations) {
    view.operations.push_back({.is_join = operation.is_join,
                               .name = operation.name,
                               .done = operation.done,
                               .total = operation.total,
                               .bytes_done = operation.bytes_done,
                               .age = std::chrono::milliseconds(operation.milliseconds)});
  }
  return view;
}

Member::Member(MemberOptions options, Scheduler& scheduler, Transport& transport)
    : options_(std::move(options)),
      scheduler_(scheduler),
      transport_(transport),
      calls_(scheduler, transport),
      keeper_(options_.storage, scheduler),
      boot_(scheduler.random() | 1),
      map_(options_.past ? options_.past->map : founded(options_, base::random_id<ClusterId>(scheduler))) {
  if (options_.past) keeper_.keep(*options_.past);
  view_.members.push_back({.node = options_.id, .alive = true});
}

Member::~Member() = default;

ClusterMapPtr Member::map() const {
  std::lock_guard lock(mutex_);
  return map_;
}

Duration Member::lease() const { return lease::length_of(map()->settings); }

void Member::set_followers(Function<void()> on_adopted, Function<void()> on_forgotten) {
  on_adopted_ = std::move(on_adopted);
  on_forgotten_ = std::move(on_forgotten);
}

bool Member::has_outlived(const ClusterMap& map) const {
  if (!has_past() || map.leader != id()) return false;
  const Remembered& past = *options_.past;
  const std::uint64_t accepted = past.voter.map ? past.voter.map->generation : 0;
  return map.cluster == past.map->cluster && map.generation <= std::max(past.map->generation, accepted);
}

bool Member::adopt(const ClusterMapPtr& map) {
  const ClusterMapPtr before = this->map();  // changed on this strand alone
  if (!is_newer(*map, *before)) return false;
  if (map->find(id()) == nullptr && !expects_removal_) {
    on_forgotten_();
    return true;
  }
  {
    std::lock_guard lock(mutex_);
    map_ = map;
  }
  keeper_.keep_map(map);
  for (const News& item : news(*before, *map, id()))
    log(item.level, item.line);
  client_->on_map(map);
  on_adopted_();
  return true;
}

Instant Member::leader_heard(ClusterId cluster) const {
  const auto found = heard_.find(cluster);
  return found == heard_.end() ? Instant{Duration::min()} : found->second;
}

void Member::become(const ClusterMapPtr& map) {
  heard_.clear();
  note_leader_heard(map->cluster);
  std::lock_guard lock(mutex_);
  map_ = map;
}

MembershipView Member::view() const {
  std::lock_guard lock(mutex_);
  return view_;
}

void Member::set_view(MembershipView view) {
  std::lock_guard lock(mutex_);
  view_ = std::move(view);
}

wire::Call Member::make_call(wire::CallKind kind) const {
  wire::Call call;
  call.kind = kind;
  call.node = {.id = options_.id, .name = options_.name, .address = options_.address, .state = NodeState::joining};
  call.wall_ms = scheduler_.wall_ms();
  return call;
}

Peer Member::peer_of(const ClusterMap& map, NodeId node) const {
  const NodeRecord* record = map.find(node);
  if (record == nullptr) return {};
  const auto moved = whereabouts_.find(node);
  const bool has_moved = moved != whereabouts_.end() && moved->second.before == record->address;
  return {has_moved ? moved->second.address : record->address, map.cluster, node};
}

void Member::note_address(NodeId node, const Address& address) {
  const NodeRecord* record = map()->find(node);
  if (record == nullptr || address.host.empty() || address.port == 0) return;
  if (record->address == address) {
    whereabouts_.erase(node);
  } else {
    whereabouts_[node] = {address, record->address};
  }
}

struct Member::Question {
  ClusterMapPtr map;
  wire::Call call;
  Duration patience;
  Instant asked;
  AnswerHandler handler;
  std::uint64_t attempt = 0;  ///< counts what this node asks itself: each is answered, or given up, once
};

void Member::ask_leader(ClusterMapPtr map, wire::Call call, Duration patience, AnswerHandler handler) {
  ask(std::make_shared<Question>(
      Question{std::move(map), std::move(call), patience, scheduler_.now(), std::move(handler)}));
}

void Member::ask(std::shared_ptr<Question> question) {
  question->map = newest_of(question->map);
  auto on_answer = [this, question](std::error_code error, wire::Answer answer) {
    on_word(question, error, std::move(answer));
  };
  if (question->map->leader == id()) {
    const std::uint64_t attempt = ++question->attempt;
    const auto on_first_word = [question, attempt, on_answer](std::error_code error, wire::Answer answer) {
      if (question->attempt != attempt) return;
      ++question->attempt;
      on_answer(error, std::move(answer));
    };
    later(question->patience, [on_first_word] { on_first_word(Errc::outcome_unknown, {}); });
    // Posted, so that the asker's handler never runs inside the call.
    return ask_self_(question->call, [this, on_first_word](wire::Answer answer) {
      later({}, [on_first_word, answer = std::move(answer)]() mutable { on_first_word({}, std::move(answer)); });
    });
  }
  // Some calls are answered when much has been done (a settle, a leave). Those are asked again after the time-out, for
  // as long as the leader answers heartbeats.
  calls_.call(peer_of(*question->map, question->map->leader), question->call, question->patience, on_answer);
}

void Member::on_word(std::shared_ptr<Question> question, std::error_code error, wire::Answer answer) {
  if (error == Errc::stopped) return question->handler(refusal(Errc::stopped, "the node is being stopped"));
  const Instant now = scheduler_.now();
  if (!error) {
    if (answer.map && is_newer(*answer.map, *question->map)) question->map = answer.map;
    if (!answer.error || !answer.try_later) return question->handler(std::move(answer));
  }
  // Who answers heartbeats need not have done so within less than a lease.
  const Duration lease = std::chrono::milliseconds(question->map->settings.lease_ms);
  const Duration patience = std::max(question->patience, lease);
  if (now - std::max(question->asked, leader_heard(question->map->cluster)) > patience) {
    return question->handler(error ? leader_unreachable(error) : std::move(answer));
  }
  later(jittered(kAskAgain), [this, question] { ask(question); });
}

ClusterMapPtr Member::newest_of(const ClusterMapPtr& known) const {
  ClusterMapPtr newest = known;
  for (const ClusterMapPtr& map : {this->map(), target_}) {
    if (map && is_newer(*map, *newest)) newest = map;
  }
  return newest;
}

void Member::ask_bystander(const ClusterMap& map, Function<void(ClusterMapPtr)> handler) {
  std::vector<Address> others;
  for (const NodeRecord& node : map.nodes) {
    if (node.id != id() && node.state != NodeState::joining) others.push_back(peer_of(map, node.id).address);
  }
  if (others.empty()) return;
  // As a guest: at that address there may be a member by now that this map does not know.
  calls_.call(Peer{.address = others[scheduler_.random() % others.size()]}, make_call(wire::CallKind::hello), lease(),
              [handler = std::move(handler)](std::error_code error, wire::Answer answer) mutable {
                handler(error ? nullptr : std::move(answer.map));
              });
}

Duration Member::jittered(Duration about) {
  const auto span = static_cast<std::uint64_t>(about.count()) + 1;
  return about / 2 + Duration(static_cast<Duration::rep>(scheduler_.random() % span));
}

void Member::later(Duration delay, Function<void()> task) {
  const std::uint64_t number = ++last_task_;
  delayed_[number] = scheduler_.call_later(delay, [this, number, task = std::move(task)]() mutable {
    // The timer owns this function: what is needed after its end is moved out first.
    auto due = std::move(task);
    delayed_.erase(number);
    due();
  });
}

void Member::log(LogLevel level, std::string_view line) const {
  if (options_.log) options_.log(level, line);
}

void Member::stop() {
  calls_.stop();
  keeper_.stop();
  delayed_.clear();
}

}  // namespace dht::cluster
