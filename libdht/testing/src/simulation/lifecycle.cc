#include "lifecycle.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace dht::testing::simulation {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(2);
/// Whoever leaves for good may not stay: it takes in nobody any more.
constexpr Duration kAgain = std::chrono::milliseconds(100);
/// How a join begins to say that it failed in its last step. Everything had been copied and acknowledged then.
constexpr std::string_view kFailedAtLast = "the cluster did not make this node a full member";

}  // namespace

Lifecycle::Lifecycle(Desk& desk, Workload& workload, const Shelves& shelves, const Trace& trace, const Setting& setting,
                     std::uint64_t seed)
    : desk_(desk),
      world_(desk.world()),
      workload_(workload),
      trace_(trace),
      deadline_(setting.deadline),
      is_durable_(setting.durable),
      luggage_(desk, shelves, seed),
      agenda_(world_.timeline()) {}

std::size_t Lifecycle::add() {
  const std::size_t place = world_.add();
  trace_.line("{} starts for the first time", world_.name(place));
  workload_.begin_stay(place);
  return place;
}

void Lifecycle::when_idle(std::size_t place, Function<void()> task) {
  when_idle(place, world_.incarnation(place), std::move(task));
}

void Lifecycle::when_idle(std::size_t place, unsigned incarnation, Function<void()> task) {
  if (world_.incarnation(place) != incarnation) return;
  if (desk_.under_way(place) == 0 && !world_.cluster().is_paused(place)) return task();
  agenda_.after(kPoll, [this, place, incarnation, task = std::move(task)]() mutable {
    when_idle(place, incarnation, std::move(task));
  });
}

void Lifecycle::join(std::size_t place, std::size_t host) {
  world_.set_standing(place, Standing::joining);
  hosts_[place] = host;
  workload_.pause_stay(place);
  when_idle(place, [this, place, host] { pack(place, host); });
}

bool Lifecycle::is_hosting(std::size_t place) {
  const ClusterMapPtr map = world_.newest_map();
  for (const std::size_t guest : world_.all(Standing::joining)) {
    const NodeId id = world_.cluster().node(guest).id();
    if (hosts_.at(guest) == place && map && map->find(id) == nullptr) return true;
  }
  return false;
}

void Lifecycle::pack(std::size_t place, std::size_t host) {
  luggage_.pack(place, workload_.contested_keys(), deadline_, [this, place, host] {
    // Outside of the handler of the last put.
    agenda_.after(Duration{0}, [this, place, host, incarnation = world_.incarnation(place)] {
      when_idle(place, incarnation, [this, place, host] { ask_to_join(place, host); });
    });
  });
}

void Lifecycle::ask_to_join(std::size_t place, std::size_t host) {
  Node& node = world_.cluster().node(place);
  trace_.line("{} joins {}", world_.name(place), world_.name(host));
  workload_.resume_stay(place);
  node.join(to_string(world_.cluster().address(host)),
            handler(place, "join", [this, place](const Status& status) { on_joined(place, status); }));
}

void Lifecycle::on_joined(std::size_t place, const Status& status) {
  trace_.line("{} joined: {}", world_.name(place), status ? status.message : "done");
  if (world_.is_at_home(place)) {
    world_.set_standing(place, Standing::member);
    workload_.settle_stay(place);
    luggage_.arrive(place);
  } else if (status) {
    world_.set_standing(place, Standing::alone);
    if (status.message.starts_with(kFailedAtLast)) luggage_.arrive(place);
    if (!workload_.fail_attempt(place)) begin_anew(place);
  } else {
    trace_.line("{} joined a node that is not at home any more, and ends", world_.name(place));
    stop(place);
  }
}

void Lifecycle::leave(std::size_t place, bool for_good) {
  world_.set_standing(place, Standing::leaving);
  workload_.end_stay(place);
  when_idle(place, [this, place, for_good] { ask_to_leave(place, for_good); });
}

void Lifecycle::ask_to_leave(std::size_t place, bool for_good) {
  trace_.line("{} leaves{}", world_.name(place), for_good ? " for good" : "");
  Node& node = world_.cluster().node(place);
  auto done =
      handler(place, "leave", [this, place, for_good](const Status& status) { on_left(place, for_good, status); });
  for_good ? node.leave_for_good(std::move(done)) : node.leave(std::move(done));
}

void Lifecycle::on_left(std::size_t place, bool for_good, const Status& status) {
  trace_.line("{} left: {}", world_.name(place), status ? status.message : "done");
  if (for_good) {
    if (!status && world_.is_at_home(place)) return end_home(place);
    if (status)
      return agenda_.after(kAgain, [this, place, incarnation = world_.incarnation(place)] {
        when_idle(place, incarnation, [this, place] { ask_to_leave(place, true); });
      });
    return stop(place);
  }
  if (world_.is_at_home(place)) return world_.set_standing(place, Standing::member);
  begin_anew(place);
}

void Lifecycle::end_home(std::size_t last) {
  trace_.line("{} was the last, and the cluster ends", world_.name(last));
  has_home_ended_ = true;
}

void Lifecycle::cast_out(std::size_t place) {
  trace_.line("{} was given up, and stands alone", world_.name(place));
  begin_anew(place);
}

void Lifecycle::end_host(std::size_t place) {
  if (!world_.is_running(place)) return;
  trace_.line("{} finds itself in a strange cluster and ends", world_.name(place));
  stop(place);
}

void Lifecycle::begin_anew(std::size_t place) {
  world_.set_standing(place, Standing::alone);
  begin_stay(place);
}

void Lifecycle::crash(std::size_t place, MemoryNetwork::Crash kind) {
  pack_up(place);
  world_.crash(place, kind);
}

void Lifecycle::stop(std::size_t place) {
  pack_up(place);
  world_.stop(place);
}

/// What is on disk is there again when the node is.
void Lifecycle::pack_up(std::size_t place) {
  if (is_durable_) {
    // What a join has brought stays there, whatever becomes of it here.
    if (world_.standing(place) == Standing::joining) workload_.fail_attempt(place);
    return workload_.suspend_stay(place);
  }
  workload_.end_stay(place);
  luggage_.lose(place);
}

void Lifecycle::restart(std::size_t place) {
  world_.restart(place);
  const bool goes_on = is_durable_ && (workload_.take_up_stay(place) || world_.standing(place) == Standing::member);
  if (!goes_on) begin_stay(place);
}

void Lifecycle::begin_stay(std::size_t place) {
  luggage_.lose(place);
  workload_.end_stay(place);
  workload_.begin_stay(place);
}

StatusHandler Lifecycle::handler(std::size_t place, const std::string& what, Function<void(const Status&)> then) {
  const AnswerBook::Ticket ticket = desk_.answers().ask(fmt::format("{} of {}", what, world_.name(place)));
  return [this, place, ticket, incarnation = world_.incarnation(place), then = std::move(then)](Status status) mutable {
    if (auto twice = desk_.answers().answer(ticket)) return desk_.findings().add("answered once", std::move(twice));
    agenda_.after(Duration{0},
                  [this, place, incarnation, status = std::move(status), then = std::move(then)]() mutable {
                    if (world_.incarnation(place) == incarnation) then(status);
                  });
  };
}

}  // namespace dht::testing::simulation
