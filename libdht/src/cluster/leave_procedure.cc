#include "cluster/leave_procedure.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "base/random_id.h"

namespace dht::cluster {
namespace {

constexpr Duration kTryAgain = std::chrono::milliseconds(50);

}  // namespace

LeaveProcedure::LeaveProcedure(Member& member, LeaderSeat& seat) : member_(member), seat_(seat) {}

void LeaveProcedure::start(StatusHandler done) {
  done_ = std::move(done);
  last_progress_ = member_.scheduler().now();
  last_revision_ = member_.map()->revision;
  step();
}

void LeaveProcedure::step() {
  // The change under way may let somebody in.
  if (seat_.is_proposing()) return member_.later(member_.jittered(kTryAgain), [this] { step(); });
  if (member_.map()->nodes.size() == 1) return std::exchange(done_, nullptr)({});
  if (!seat_.is_taken()) return ask_to_go();
  seat_.hand_over([this](Status status) {
    if (status.code == Errc::conflict) return wait_for_successor(std::move(status));
    if (status) return std::exchange(done_, nullptr)(std::move(status));
    ask_to_go();
  });
}

void LeaveProcedure::wait_for_successor(Status status) {
  // While all others are leaving as well they go first, since this node still leads.
  const Instant now = member_.scheduler().now();
  const Revision revision = member_.map()->revision;
  if (revision != last_revision_) {
    last_revision_ = revision;
    last_progress_ = now;
  }
  if (now - last_progress_ > member_.options().step_timeout) {
    status.code = Errc::not_applied;
    return std::exchange(done_, nullptr)(std::move(status));
  }
  member_.later(member_.jittered(kTryAgain), [this] { step(); });
}

void LeaveProcedure::ask_to_go() {
  member_.ask_leader(member_.map(), member_.make_call(wire::CallKind::leave), member_.options().step_timeout,
                     [this](const wire::Answer& answer) { on_answer(answer); });
}

void LeaveProcedure::on_answer(const wire::Answer& answer) {
  if (answer.error) {
    return std::exchange(done_, nullptr)(
        {*answer.error, fmt::format("this node is still a member, and nothing was lost: {}", answer.message)});
  }
  if (answer.map) member_.adopt(answer.map);
  stand_alone();
}

void LeaveProcedure::stand_alone() {
  const ClusterMapPtr left = member_.map();
  const auto cluster = base::random_id<ClusterId>(member_.scheduler());
  const auto alone = std::make_shared<const ClusterMap>(
      found_cluster(cluster, left->settings, member_.id(), member_.options().name, member_.options().address));
  member_.become(alone);
  member_.transport().set_identity({member_.id(), cluster, member_.options().address});
  member_.client().stand_alone(alone, [this, alone](Status status) {
    seat_.take(alone);
    std::exchange(done_, nullptr)(std::move(status));
  });
}

}  // namespace dht::cluster
