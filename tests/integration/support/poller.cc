#include "support/poller.h"

#include <exception>
#include <utility>

namespace dht::integration {
namespace {

constexpr std::chrono::milliseconds kPollPatience{100};
constexpr std::chrono::milliseconds kPollPause{3};

}  // namespace

Poller::Poller(Kind kind, Endpoint endpoint, std::string key)
    : kind_(kind), endpoint_(std::move(endpoint)), target_(db(key)), thread_([this] { run(); }) {}

Poller::~Poller() {
  stopping_ = true;
  thread_.join();
}

std::optional<double> Poller::seconds() const {
  const SteadyClock::duration taken{answered_ - begun_};
  if (answered_ == 0) return std::nullopt;
  return std::chrono::duration<double>(taken).count();
}

void Poller::run() {
  HttpClient http(endpoint_, kPollPatience);
  while (!stopping_) {
    const SteadyClock::rep begun = begun_;
    if (ask(http)) {
      ++successes_;
      if (begun != 0 && answered_ == 0) answered_ = SteadyClock::now().time_since_epoch().count();
    }
    std::this_thread::sleep_for(kPollPause);
  }
}

bool Poller::ask(HttpClient& http) {
  try {
    return (kind_ == Kind::get ? http.get(target_) : http.put(target_, "polled")).status == 200;
  } catch (const std::exception&) {
    http.disconnect();
    return false;
  }
}

}  // namespace dht::integration
