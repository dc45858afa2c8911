#include "join_loop.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace dhtd {
namespace {

/// About twenty seconds. Peers that have not come to this node's cluster by then carry no list, so it goes to them.
constexpr unsigned kPatientAttempts = 8;

}  // namespace

dht::Duration join_pause(unsigned failures, std::uint64_t random) {
  constexpr dht::Duration kShortest = std::chrono::milliseconds(200);
  constexpr dht::Duration kLongest = std::chrono::seconds(5);
  const auto doublings = std::min(failures - 1, 10u);
  const auto longest = std::min(kShortest * (1 << doublings), kLongest);
  return longest - longest / 2 * static_cast<std::int64_t>(random % 1024) / 1024;
}

JoinLoop::JoinLoop(ClusterAdmin& admin, dht::Scheduler& scheduler, std::string peers, dht::LogSink log)
    : admin_(admin), scheduler_(scheduler), peers_(std::move(peers)), log_(std::move(log)) {}

void JoinLoop::start() {
  scheduler_.post([this] { attempt(); });
}

void JoinLoop::stop() {
  stopped_ = true;
  pause_.reset();
}

void JoinLoop::attempt() {
  if (stopped_) return;
  const auto goal = failures_ < kPatientAttempts ? dht::JoinGoal::all_peers_patiently : dht::JoinGoal::all_peers;
  admin_.join(peers_, goal, [this](dht::Status status) {
    scheduler_.post([this, status = std::move(status)] { on_result(status); });
  });
}

void JoinLoop::on_result(const dht::Status& status) {
  if (stopped_) return;
  if (!status) {
    log_(dht::LogLevel::info, fmt::format("together with all of {} that answer", peers_));
    return;
  }
  // The node itself tells why.
  if (failures_ == 0) log_(dht::LogLevel::info, fmt::format("goes on trying to join {}", peers_));
  pause_ = scheduler_.call_later(join_pause(++failures_, scheduler_.random()), [this] { attempt(); });
}

}  // namespace dhtd
