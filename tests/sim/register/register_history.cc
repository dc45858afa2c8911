#include "register_history.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

namespace dht::testing {

RegisterHistory::RegisterHistory(ClusterMapPtr first) : shown_(first->revision) {
  last_mark_ = mark_of(*first);
  chosen_.emplace(first->revision, std::move(first));
}

RegisterHistory::OperationId RegisterHistory::begin() {
  running_[++begun_].shown = shown_;
  return begun_;
}

ClusterMapPtr RegisterHistory::propose(OperationId operation, const ClusterMapPtr& base, ClusterMap next) {
  next.partitions[0].epoch = ++last_mark_;
  auto map = std::make_shared<const ClusterMap>(std::move(next));
  proposals_[last_mark_] = {base, map};
  running_.at(operation).marks.push_back(last_mark_);
  return map;
}

void RegisterHistory::end_read(OperationId operation, std::error_code error, const ClusterMapPtr& newest) {
  const Running running = end(operation);
  if (!error) return show(running, newest);
  if (error != Errc::not_applied && error != Errc::stopped) fail(fmt::format("a read ended with: {}", error.message()));
}

void RegisterHistory::end_change(OperationId operation, std::error_code error, const ClusterMapPtr& newest) {
  const Running running = end(operation);
  if (newest != nullptr) show(running, newest);
  if (!error) {
    ++succeeded_;
    if (newest->revision <= running.shown) fail(fmt::format("revision {} was made when it was old", newest->revision));
    const auto& marks = running.marks;
    if (std::find(marks.begin(), marks.end(), mark_of(*newest)) == marks.end()) {
      fail(fmt::format("a change succeeded with another map than its own, revision {}", newest->revision));
    }
  } else if (error == Errc::conflict || error == Errc::not_applied || error == Errc::stopped) {
    for (const Epoch mark : running.marks)
      note_dead(mark);
  } else if (error != Errc::outcome_unknown) {
    fail(fmt::format("a change ended with: {}", error.message()));
  }
}

const ClusterMapPtr& RegisterHistory::older(Revision back) const {
  const Revision wanted = newest()->revision > back ? newest()->revision - back : 0;
  const auto after = chosen_.upper_bound(wanted);
  return after == chosen_.begin() ? after->second : std::prev(after)->second;
}

std::vector<ClusterMapPtr> RegisterHistory::open() const {
  std::vector<ClusterMapPtr> maps = {newest()};
  for (const auto& [mark, proposal] : proposals_) {
    if (proposal.map->revision >= newest()->revision && !dead_.contains(mark)) maps.push_back(proposal.map);
  }
  return maps;
}

RegisterHistory::Running RegisterHistory::end(OperationId operation) {
  const auto found = running_.find(operation);
  if (found == running_.end()) {
    fail("an operation ended twice");
    return {};
  }
  ++ended_;
  Running running = std::move(found->second);
  running_.erase(found);
  return running;
}

void RegisterHistory::show(const Running& running, const ClusterMapPtr& newest) {
  if (newest->revision < running.shown) {
    fail(
        fmt::format("revision {} was shown before an operation began that showed {}", running.shown, newest->revision));
  }
  shown_ = std::max(shown_, newest->revision);
  note_chosen(newest);
}

/// A chosen map makes all chosen that it was made from.
void RegisterHistory::note_chosen(const ClusterMapPtr& map) {
  for (ClusterMapPtr next = map; next != nullptr;) {
    const auto [known, is_new] = chosen_.emplace(next->revision, next);
    if (!is_new) {
      if (*known->second != *next) {
        fail(fmt::format("revision {} was chosen twice, as proposals {} and {}", next->revision,
                         mark_of(*known->second), mark_of(*next)));
      }
      return;
    }
    const Epoch mark = mark_of(*next);
    if (dead_.contains(mark)) fail(fmt::format("proposal {} was chosen, although it had failed for certain", mark));
    const auto proposal = proposals_.find(mark);
    if (proposal == proposals_.end()) return fail(fmt::format("revision {} comes from nowhere", next->revision));
    next = proposal->second.base;
  }
}

void RegisterHistory::note_dead(Epoch mark) {
  dead_.insert(mark);
  const ClusterMap& map = *proposals_.at(mark).map;
  const auto chosen = chosen_.find(map.revision);
  if (chosen != chosen_.end() && mark_of(*chosen->second) == mark) {
    fail(fmt::format("proposal {} failed for certain, although it was chosen as revision {}", mark, map.revision));
  }
}

void RegisterHistory::fail(std::string what) {
  if (fault_.empty()) fault_ = std::move(what);
}

}  // namespace dht::testing
