#include "register_bus.h"

#include <utility>

#include <dht/error.h>

namespace dht::testing {

namespace {

constexpr Duration kUsualDelay = std::chrono::milliseconds{2};
constexpr Duration kSlowDelay = std::chrono::milliseconds{30};

}  // namespace

RegisterBus::RegisterBus(Timeline& timeline, std::mt19937_64& random, std::size_t places, BusTrouble trouble,
                         Receiver receive)
    : timeline_(timeline), random_(random), trouble_(trouble), receive_(std::move(receive)), places_(places) {}

RegisterBus::~RegisterBus() { timeline_.remove_all(this); }

void RegisterBus::ask(Place from, Place to, wire::Call call, AnswerHandler answer, Fate fate) {
  const std::uint64_t question = ++questions_;
  pending_[question] = {from, std::move(answer)};
  timeline_.add(this, timeline_.now() + kPatience, [this, question] { end(question, Errc::outcome_unknown, {}); });
  auto shared = std::make_shared<const wire::Call>(std::move(call));
  send(from, to, fate, [this, from, to, question, call = std::move(shared)] {
    const auto reply = receive_(to, *call);
    if (!reply) return;
    send(to, from, Fate::usual, [this, question, reply] { end(question, {}, *reply); });
  });
}

void RegisterBus::forget(Place place) {
  std::erase_if(pending_, [place](const auto& pending) { return pending.second.from == place; });
}

void RegisterBus::heal() {
  trouble_ = {};
  for (State& place : places_)
    place = {};
}

void RegisterBus::send(Place from, Place to, Fate fate, std::function<void()> deliver) {
  const Instant now = timeline_.now();
  const bool is_cut = now < places_[from].mute_until || now < places_[to].deaf_until;
  if (is_cut || fate == Fate::lost || (fate == Fate::usual && chance(trouble_.lost))) return;
  for (int copies = chance(trouble_.doubled) ? 2 : 1; copies > 0; --copies) {
    Duration delay = some_time(kUsualDelay);
    if (now < places_[from].slow_until || now < places_[to].slow_until) delay += some_time(kSlowDelay);
    if (fate == Fate::late || chance(trouble_.late)) delay += some_time(trouble_.longest_delay);
    timeline_.add(this, now + delay, [this, to, deliver] { arrive(to, deliver); });
  }
}

void RegisterBus::arrive(Place to, std::function<void()> deliver) {
  if (timeline_.now() >= places_[to].held_until) return deliver();
  timeline_.add(this, places_[to].held_until, [this, to, deliver = std::move(deliver)] { arrive(to, deliver); });
}

void RegisterBus::end(std::uint64_t question, std::error_code error, wire::Answer answer) {
  auto pending = pending_.extract(question);
  if (pending) pending.mapped().answer(error, std::move(answer));
}

Duration RegisterBus::some_time(Duration longest) {
  return Duration{static_cast<Duration::rep>(random_() % static_cast<std::uint64_t>(longest.count()))};
}

}  // namespace dht::testing
