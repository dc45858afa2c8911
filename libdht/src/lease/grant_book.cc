#include "lease/grant_book.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lease/rules.h"

namespace dht::lease {

GrantBook::GrantBook(NodeId self, Duration lease, const ClusterMap& map, Instant now, Duration wait)
    : self_(self), lease_(lease), last_event_(now), earliest_death_(now + wait) {
  adopt(map, now);
  for (auto& [node, entry] : entries_) {
    if (entry.state == NodeState::active || entry.state == NodeState::leaving) entry.alive_until = now + wait;
  }
}

bool GrantBook::hear(NodeId node, Instant now) { return believe(entries_[node], now); }

bool GrantBook::on_ask(NodeId node, const wire::LeaseAsk& ask, Instant now) {
  Entry& entry = entries_[node];
  if (std::exchange(entry.boot, ask.boot) != ask.boot) entry.first_answered = entry.last_echo = 0;
  if (entry.first_answered == 0) entry.first_answered = ask.number;
  // An echo of what another leader granted, or of what was echoed before, says nothing of today's answers.
  if (ask.echo < entry.first_answered || ask.echo <= entry.last_echo) return false;
  entry.last_echo = ask.echo;
  return believe(entry, now);
}

wire::LeaseGrant GrantBook::grant(NodeId node, const wire::LeaseAsk& ask, Instant now, Instant leader_until) {
  Entry& entry = entries_[node];
  const bool holds_partitions = entry.state == NodeState::active || entry.state == NodeState::leaving;
  const bool is_heard = node == self_ || now <= entry.alive_until;
  if (!holds_partitions || !is_heard) return nothing(ask);
  const auto length = std::chrono::floor<std::chrono::milliseconds>(grantable(now, leader_until, lease_));
  if (length.count() <= 0) return nothing(ask);
  entry.granted_until = std::max(entry.granted_until, now + length);
  return {.number = ask.number, .length_ms = static_cast<std::uint32_t>(length.count())};
}

bool GrantBook::pass(Instant now) {
  const Duration gap = now - last_event_;
  last_event_ = now;
  if (gap > lease_ / 2) {
    for (auto& [node, entry] : entries_) {
      if (entry.alive_until.since_start != Duration::min()) entry.alive_until = entry.alive_until + gap;
    }
  }
  if (now <= earliest_death_) return false;
  earliest_death_ = now + joining_patience(lease_);
  for (const auto& [node, entry] : entries_) {
    if (node != self_ && is_alive(node, now)) earliest_death_ = std::min(earliest_death_, end_of(entry));
  }
  return true;
}

void GrantBook::adopt(const ClusterMap& map, Instant now) {
  std::erase_if(entries_,
                [&](const auto& item) { return map.find(item.first) == nullptr && !is_alive(item.first, now); });
  for (const NodeRecord& node : map.nodes) {
    const auto [place, is_new] = entries_.try_emplace(node.id);
    Entry& entry = place->second;
    const bool was_called_down = node.state == NodeState::down && entry.state != NodeState::down;
    const bool was_joining = entry.state == NodeState::joining && node.state != NodeState::joining;
    entry.state = node.state;
    if (was_called_down) {
      // What it proved before counts no more: it must speak after the verdict.
      entry.alive_until = entry.granted_until = {Duration::min()};
      entry.has_proved_itself = false;
    } else if (is_new) {
      prolong(entry, now);
    } else if (was_joining) {
      entry.alive_until = std::min(entry.alive_until, now + lease_);
      earliest_death_ = std::min(earliest_death_, end_of(entry));
    }
  }
}

bool GrantBook::has_proved_itself(NodeId node) const {
  const auto found = entries_.find(node);
  return found != entries_.end() && found->second.has_proved_itself;
}

bool GrantBook::is_alive(NodeId node, Instant now) const {
  if (node == self_) return true;
  const auto found = entries_.find(node);
  return found != entries_.end() && now <= end_of(found->second);
}

Instant GrantBook::end_of(const Entry& entry) { return std::max(entry.alive_until, entry.granted_until); }

Duration GrantBook::patience_with(const Entry& entry) const {
  return entry.state == NodeState::joining ? joining_patience(lease_) : lease_;
}

/// True where that is news.
bool GrantBook::believe(Entry& entry, Instant now) {
  const bool is_first = !std::exchange(entry.has_proved_itself, true);
  return prolong(entry, now) || is_first;
}

/// True where it was not alive until now.
bool GrantBook::prolong(Entry& entry, Instant now) {
  const bool was_alive = now <= end_of(entry);
  entry.alive_until = std::max(entry.alive_until, now + patience_with(entry));
  earliest_death_ = std::min(earliest_death_, end_of(entry));
  return !was_alive;
}

}  // namespace dht::lease
