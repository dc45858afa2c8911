#include "stop_sequence.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace dhtd {
namespace {

/// A join that is under way ends by itself; then the leave can begin.
constexpr std::chrono::milliseconds kRetryPause{200};
/// Others are not seen for a moment, too, where they have just come back, and while the leader is being replaced.
constexpr std::chrono::milliseconds kAlone{5000};
constexpr std::chrono::milliseconds kWatchInterval{250};
/// What members had sent here just before they knew is on its way: a process that ends now would leave them in doubt.
constexpr std::chrono::milliseconds kAnsweringMembers{50};
/// How long requests that come too late are told so, where clients are still connected.
constexpr std::chrono::milliseconds kRefusing{200};
constexpr std::chrono::milliseconds kLongestDrain{1000};
/// A request that waits for a member that is being taken out of service.
constexpr std::chrono::milliseconds kLongestRequest{5000};
constexpr std::chrono::milliseconds kDrainPoll{10};

/// Whether somebody could take over what this node does.
bool has_successor(const ClusterAdmin& admin) {
  if (!admin.is_ready()) return false;
  const dht::NodeStatus status = admin.status();
  return std::ranges::any_of(status.members, [&](const dht::MemberStatus& member) {
    return member.id != status.id && member.state == dht::NodeState::active && member.lease;
  });
}

}  // namespace

StopSequence::StopSequence(Parts parts, std::chrono::milliseconds timeout)
    : parts_(std::move(parts)), timeout_(timeout) {}

void StopSequence::begin() {
  if (std::exchange(begun_, true)) return;
  parts_.state.store(ServiceState::leaving, std::memory_order_release);
  parts_.log(dht::LogLevel::info,
             parts_.comes_back ? "stopping: handing over what other members have a copy of; the data stays on disk"
                               : "stopping: handing the data over to the other members");
  limit_ = parts_.scheduler.call_later(timeout_, [this] { on_timeout(); });
  if (parts_.comes_back) watch(std::chrono::milliseconds(0));
  leave();
}

int StopSequence::cut_short(int signal) const {
  if (parts_.state.load(std::memory_order_acquire) == ServiceState::left) {
    parts_.log(dht::LogLevel::info,
               fmt::format("signal {} again: ending at once; this node has left its cluster already", signal));
    return 0;
  }
  parts_.log(dht::LogLevel::error, fmt::format("signal {} again: ending at once, what this node holds is {}", signal,
                                               parts_.comes_back ? "on disk, and there again when it is" : "lost"));
  return kExitStopTimeout;
}

void StopSequence::leave() {
  const auto done = [this](dht::Status status) {
    parts_.scheduler.post([this, status = std::move(status)] { on_left(status); });
  };
  parts_.comes_back ? parts_.admin.step_aside(done) : parts_.admin.leave_for_good(done);
}

void StopSequence::on_left(const dht::Status& status) {
  if (ended_ || has_given_up_) return;
  if (status) {
    if (status.message != last_.message) {
      parts_.log(dht::LogLevel::warning, fmt::format("could not {} yet: {}; trying on",
                                                     parts_.comes_back ? "hand over" : "leave", status.message));
    }
    last_ = status;
    next_ = parts_.scheduler.call_later(kRetryPause, [this] { leave(); });
    return;
  }
  limit_.reset();
  watch_.reset();
  if (parts_.comes_back) {
    next_ = parts_.scheduler.call_later(kAnsweringMembers, [this] { end_connections(); });
    return;
  }
  parts_.state.store(ServiceState::left, std::memory_order_release);
  parts_.log(dht::LogLevel::info, "left the cluster");
  next_ = parts_.scheduler.call_later(kAnsweringMembers, [this] { refuse_clients(); });
}

/// Where all members stop at once the last one would wait for the others.
void StopSequence::watch(std::chrono::milliseconds alone) {
  if (has_successor(parts_.admin)) alone = {};
  if (alone < kAlone) {
    watch_ = parts_.scheduler.call_later(kWatchInterval, [this, alone] { watch(alone + kWatchInterval); });
    return;
  }
  parts_.log(dht::LogLevel::warning,
             "nothing can be handed over, since no other member is there. What this node holds is on disk, and served "
             "again when it is started again, with a majority of the voters");
  has_given_up_ = true;
  limit_.reset();
  next_.reset();
  end_connections();
}

void StopSequence::refuse_clients() {
  if (parts_.open_connections() == 0) return end(0);
  next_ = parts_.scheduler.call_later(kRefusing, [this] { end_connections(); });
}

void StopSequence::end_connections() {
  parts_.finish_connections();
  give_up_draining_ = parts_.scheduler.now() + (parts_.comes_back ? kLongestRequest : kLongestDrain);
  drain();
}

void StopSequence::drain() {
  if (parts_.connections_have_finished() || parts_.scheduler.now() >= give_up_draining_) return end(0);
  next_ = parts_.scheduler.call_later(kDrainPoll, [this] { drain(); });
}

void StopSequence::on_timeout() {
  const auto status = parts_.admin.status();
  dht::MemberStatus own;
  for (const auto& member : status.members) {
    if (member.id == status.id) own = member;
  }
  parts_.log(dht::LogLevel::error,
             fmt::format("gave up stopping after {} ms: {} partitions with {} entries ({} bytes) stayed behind and are "
                         "{}{}{}",
                         timeout_.count(), own.primary, own.entries, own.bytes,
                         parts_.comes_back ? "not served until this node is started again; nothing is lost"
                                           : "lost with this process",
                         last_.message.empty() ? "" : "; ", last_.message));
  end(kExitStopTimeout);
}

void StopSequence::end(int exit_code) {
  if (std::exchange(ended_, true)) return;
  limit_.reset();
  watch_.reset();
  next_.reset();
  parts_.exit(exit_code);
}

}  // namespace dhtd
