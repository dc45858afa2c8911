#include "healing.h"

#include <algorithm>
#include <set>
#include <utility>

#include "properties/copies.h"
#include "properties/rest.h"

namespace dht::testing::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kGlance = 25ms;
/// Between two attempts to bring a node home.
constexpr int kGlancesPerAttempt = 8;

}  // namespace

Healing::Healing(Desk& desk, Workload& workload, Lifecycle& lifecycle, Operator& an_operator, const Shelves& shelves,
                 const Setting& setting, const Trace& trace, std::uint64_t seed)
    : desk_(desk),
      world_(desk.world()),
      workload_(workload),
      lifecycle_(lifecycle),
      operator_(an_operator),
      shelves_(shelves),
      setting_(setting),
      trace_(trace),
      dice_(seed) {}

void Healing::run() {
  workload_.slow_down();
  const bool is_at_rest = come_to_rest();
  if (!desk_.findings().empty()) return;
  end_clients();
  if (!is_at_rest) return;
  use_every_key();
  if (desk_.findings().empty()) desk_.findings().add("equal copies", difference_of_copies(world_, shelves_));
}

/// A fixed time, and for each of the places what its timers may take: to be found silent, and for the steps of a join.
Duration Healing::patience() const {
  const Duration each = *setting_.node.lease * 6 + setting_.node.join_step_timeout * 6;
  return 20s + each * static_cast<int>(world_.size());
}

bool Healing::run_until(Function<bool()> predicate, Duration limit) {
  world_.cluster().run_until([&] { return !desk_.findings().empty() || predicate(); }, limit);
  return desk_.findings().empty();
}

void Healing::stall(std::string reason) { desk_.findings().add({Ending::stall, "progress", std::move(reason), {}}); }

/// Not where everybody has left for good.
bool Healing::come_to_rest() {
  const Instant limit = world_.timeline().now() + patience();
  std::optional<Finding> missing;
  for (int glance = 0; world_.timeline().now() < limit; ++glance) {
    if (lifecycle_.has_home_ended()) return false;
    missing = restlessness();
    if (!missing) break;
    if (glance % kGlancesPerAttempt == 0) {
      operator_.give_up_dead();
      end_castaways();
      bring_home();
    }
    if (!run_until([] { return false; }, kGlance)) return false;
  }
  if (missing) {
    desk_.findings().add(std::move(*missing));
    return false;
  }
  trace_.line("the cluster is at rest");
  return true;
}

std::optional<Finding> Healing::restlessness() {
  for (const std::size_t place : world_.running()) {
    const Standing standing = world_.standing(place);
    if (standing == Standing::member) continue;
    const char* const what = standing == Standing::alone     ? "could not join"
                             : standing == Standing::joining ? "is still joining"
                                                             : "is still leaving";
    return Finding{Ending::stall, "progress", fmt::format("{} {}", world_.name(place), what), {}};
  }
  const std::vector<NodeStatus> members = this->members();
  if (auto reason = unrest(members)) return Finding{Ending::stall, "progress", std::move(*reason), {}};
  if (auto reason = unevenness(members)) return Finding{Ending::stall, "even spread", std::move(*reason), {}};
  return std::nullopt;
}

/// A member that was given up finds that out from the members that it knows. Where none of those is one any more
/// somebody has to end it.
void Healing::end_castaways() {
  const ClusterMapPtr newest = world_.newest_map();
  const std::set<NodeId> running = world_.running_ids();
  if (!newest) return;
  for (const std::size_t place : world_.running()) {
    const Node& node = world_.cluster().node(place);
    const Standing standing = world_.standing(place);
    const bool takes_itself_for_member = standing == Standing::member || standing == Standing::leaving;
    if (!takes_itself_for_member || !world_.is_at_home(place) || newest->find(node.id()) != nullptr) continue;
    const ClusterMapPtr known = node.map();
    const bool knows_somebody = std::any_of(known->nodes.begin(), known->nodes.end(), [&](const NodeRecord& other) {
      return other.id != node.id() && other.state != NodeState::joining && running.contains(other.id) &&
             newest->find(other.id) != nullptr;
    });
    if (knows_somebody) continue;
    trace_.line("{} was given up, knows nobody who could tell it, and is ended", world_.name(place));
    lifecycle_.stop(place);
  }
}

void Healing::bring_home() {
  const std::vector<std::size_t> hosts = world_.active_members();
  for (const std::size_t place : world_.all(Standing::alone)) {
    if (!hosts.empty()) lifecycle_.join(place, dice_.pick(hosts));
  }
}

std::vector<NodeStatus> Healing::members() {
  std::vector<NodeStatus> statuses;
  for (const std::size_t place : world_.all(Standing::member))
    statuses.push_back(world_.cluster().node(place).status());
  return statuses;
}

void Healing::end_clients() {
  workload_.stop();
  if (!run_until([this] { return workload_.is_idle(); }, setting_.deadline * 2 + 1min)) return;
  if (!workload_.is_idle()) desk_.findings().add({Ending::stall, "answered once", *desk_.answers().unanswered(), {}});
}

void Healing::use_every_key() {
  const std::vector<std::size_t> places = world_.all(Standing::member);
  for (const std::string& key : workload_.home_keys()) {
    for (const std::size_t place : places) {
      use(place, key, {.kind = Operation::Kind::get});
      use(place, key, {.kind = Operation::Kind::put, .value = fmt::format("last/{}", place)});
    }
    use(dice_.pick(places), key, {.kind = Operation::Kind::erase});
    use(dice_.pick(places), key, {.kind = Operation::Kind::get});
    if (!desk_.findings().empty()) return;
  }
}

void Healing::use(std::size_t place, const std::string& key, Operation operation) {
  // A member whose wish to leave the leader heard late, after the leave had failed, stands alone since then.
  if (world_.standing(place) != Standing::member) return;
  operation.by = fmt::format("the last client on {}", world_.name(place));
  bool is_done = false;
  const Question question{.place = place, .key = key, .operation = std::move(operation), .deadline = 5s};
  desk_.ask(question, [&](const Operation& answered) {
    is_done = true;
    if (answered.outcome != Operation::Outcome::done)
      stall(fmt::format("at rest, and yet for {}: {}", key, to_string(answered)));
  });
  run_until([&] { return is_done; }, 1min);
  world_.cluster().run_for(1us);  // so that one ends before the next begins
  if (!is_done) stall(fmt::format("at rest, and yet an operation on {} was never answered", key));
}

}  // namespace dht::testing::simulation
