#include "cluster/leave_procedure.h"

#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

namespace dht::cluster {
namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(50);

}  // namespace

LeaveProcedure::LeaveProcedure(Seats seats) : seats_(seats), member_(seats.member), seat_(seats.leader) {}

void LeaveProcedure::start(StatusHandler done) {
  comes_back_ = false;
  member_.expect_removal(true);
  begin(std::move(done));
}

void LeaveProcedure::start_stepping_aside(StatusHandler done) {
  comes_back_ = true;
  begin(std::move(done));
}

void LeaveProcedure::begin(StatusHandler done) {
  done_ = std::move(done);
  last_progress_ = member_.scheduler().now();
  last_revision_ = member_.map()->revision;
  step();
}

void LeaveProcedure::step() {
  // The change under way may let somebody in.
  if (seat_.is_proposing() && seat_.holds_lease())
    return member_.later(member_.jittered(kLookAgain), [this] { step(); });
  if (member_.map()->nodes.size() == 1) return end({});
  if (!seat_.is_taken()) return ask_to_go();
  seat_.hand_over([this](Status status) {
    if (status.code == Errc::conflict) return wait_for_successor(std::move(status));
    if (status) return end(std::move(status));
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
    return end(std::move(status));
  }
  member_.later(member_.jittered(kLookAgain), [this] { step(); });
}

void LeaveProcedure::ask_to_go() {
  const auto kind = comes_back_ ? wire::CallKind::step_aside : wire::CallKind::leave;
  member_.ask_leader(member_.map(), member_.make_call(kind), member_.options().step_timeout,
                     [this](const wire::Answer& answer) { on_answer(answer); });
}

void LeaveProcedure::on_answer(const wire::Answer& answer) {
  if (answer.error == Errc::stopped) return end({Errc::stopped, answer.message});
  if (answer.map) member_.adopt(answer.map);
  if (comes_back_ && !answer.error) return end({});
  // What has become of it may be known from others, where the leader's answer was lost.
  const bool is_out = member_.map()->find(member_.id()) == nullptr;
  if (answer.error && !is_out) {
    if (seat_.is_taken()) return step();  // it was made leader meanwhile
    return end({*answer.error, fmt::format("this node is still a member, and nothing was lost: {}", answer.message)});
  }
  stand_alone(seats_, Kept::copies, [this](Status status) { end(std::move(status)); });
}

void LeaveProcedure::end(Status status) {
  member_.expect_removal(false);
  std::exchange(done_, nullptr)(std::move(status));
}

}  // namespace dht::cluster
