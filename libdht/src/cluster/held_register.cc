#include "cluster/held_register.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "cluster/refusal.h"

namespace dht::cluster {

/// Lives as long as the register: what was posted or asked before it was destroyed looks here and does nothing after.
struct HeldRegister::Alive {};

namespace {

wire::Answer refuse(Errc error, std::string message, ClusterMapPtr newest = nullptr) {
  wire::Answer answer = refusal(error, std::move(message));
  answer.map = std::move(newest);
  return answer;
}

/// What a read's handler is told. Nothing was changed by it, whatever became of the call.
std::error_code outcome_of_read(const wire::Answer& answer) {
  if (answer.error == Errc::stopped) return Errc::stopped;
  return answer.error || !answer.map ? make_error_code(Errc::not_applied) : std::error_code{};
}

/// What a write's handler is told. An answer that lacks its map says nothing certain.
std::error_code outcome_of_write(const wire::Answer& answer) {
  if (!answer.error) return answer.map ? std::error_code{} : make_error_code(Errc::outcome_unknown);
  if (answer.error == Errc::conflict && !answer.map) return Errc::not_applied;
  return *answer.error;
}

}  // namespace

HeldRegister::HeldRegister(Scheduler& scheduler, AskHolder ask_holder)
    : scheduler_(scheduler), ask_holder_(std::move(ask_holder)), alive_(std::make_shared<Alive>()) {}

HeldRegister::~HeldRegister() = default;

void HeldRegister::read(ReadHandler handler) {
  wire::Call call;
  call.kind = wire::CallKind::register_read;
  submit(std::move(call),
         [handler = std::move(handler)](wire::Answer answer) mutable { handler(outcome_of_read(answer), answer.map); });
}

void HeldRegister::compare_and_set(Revision expected, ClusterMapPtr next, WriteHandler handler) {
  wire::Call call;
  call.kind = wire::CallKind::register_compare_and_set;
  call.revision = expected;
  call.map = std::move(next);
  submit(std::move(call), [handler = std::move(handler)](wire::Answer answer) mutable {
    handler(outcome_of_write(answer), answer.map);
  });
}

/// Answers the call here or at the holder. The handler runs from the scheduler, even where the answer is there at once.
void HeldRegister::submit(wire::Call call, Function<void(wire::Answer)> handler) {
  auto deliver = [this, alive = std::weak_ptr(alive_), handler = std::move(handler)](wire::Answer answer) mutable {
    if (alive.expired()) return;
    scheduler_.post([alive, handler = std::move(handler), answer = std::move(answer)]() mutable {
      if (!alive.expired()) handler(std::move(answer));
    });
  };
  if (is_holder()) {
    deliver(on_call(call));
  } else {
    ask_holder_(std::move(call), std::move(deliver));
  }
}

void HeldRegister::hold(ClusterMapPtr map) {
  DHT_ASSERT(map != nullptr && !violation(*map));
  held_ = std::move(map);
}

ClusterMapPtr HeldRegister::release() {
  DHT_ASSERT(is_holder());
  return std::exchange(held_, nullptr);
}

wire::Answer HeldRegister::on_call(const wire::Call& call) {
  if (!is_holder()) {
    wire::Answer answer = refuse(Errc::not_applied, "this node does not hold the register");
    answer.try_later = true;
    return answer;
  }
  if (call.kind == wire::CallKind::register_compare_and_set) return change(call.revision, call.map);
  DHT_ASSERT(call.kind == wire::CallKind::register_read);
  wire::Answer answer;
  answer.map = held_;
  return answer;
}

wire::Answer HeldRegister::change(Revision expected, const ClusterMapPtr& next) {
  if (expected != held_->revision) {
    return refuse(Errc::conflict, fmt::format("the register holds revision {} and not {}", held_->revision, expected),
                  held_);
  }
  if (next == nullptr || next->cluster != held_->cluster || next->settings != held_->settings ||
      next->revision != expected + 1 || next->generation < held_->generation) {
    return refuse(Errc::corrupt, fmt::format("the proposed map is not one that can follow revision {}", expected));
  }
  if (const auto broken = violation(*next)) return refuse(Errc::corrupt, "the proposed map is unsound: " + *broken);
  held_ = next;
  wire::Answer answer;
  answer.map = held_;
  return answer;
}

}  // namespace dht::cluster
