#include "world.h"

#include <algorithm>
#include <utility>

namespace dht::replica::testing {

namespace {

constexpr ReplicaOptions kSmall{.chunk_bytes = 12, .window_bytes = 200};
constexpr int kTerms = 3;
constexpr int kStepsPerTerm = 250;

}  // namespace

World::World(std::uint64_t seed, Bug bug) : random_(seed), bug_(bug) {
  for (auto& host : hosts_)
    host = std::make_unique<Host>(kSmall);
}

std::string World::run() {
  begin_term(0);
  for (int term = 0; term < kTerms && wrong_.empty(); ++term) {
    for (int step = 0; step < kStepsPerTerm && wrong_.empty(); ++step) {
      ++now_;
      something_happens();
      collect_answers();
      check_level_learner();
    }
    if (is_level() && chance(60)) {
      lose_primary();
    } else {
      hand_over();
    }
  }
  if (!wrong_.empty()) return wrong_;
  drain();
  client_reads_everything();
  drain();
  check_equal_copies();
  check_histories();
  return wrong_;
}

void World::something_happens() {
  hosts_[0]->wall_ms = 1000 + now_ / 8;
  hosts_[1]->wall_ms = 800 + now_ / 8;  // its clock is behind, so its versions grow only because they travel
  switch (below(18)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return client_acts();
    case 4:
      return chance(50) ? joiner_merges() : joiner_repeats();
    case 5:
      return chance(30) ? somebody_marks() : disk_changes(*hosts_[below(2)]);
    case 6:
      return chance(5) ? break_link() : add_learner();
    case 7:
    case 8:
    case 9:
      return disk_completes(primary());
    case 10:
    case 11:
    case 12:
      return disk_completes(learner());
    case 13:
    case 14:
    case 15:
      return deliver_piece();
    default:
      return deliver_ack();
  }
}

void World::disk_changes(Host& host) {
  host.disk.slow = chance(60);
  host.disk.early_effect = chance(50);
  host.disk.error = chance(4) ? std::error_code(Errc::corrupt) : std::error_code();
}

void World::disk_completes(Host& host) {
  if (host.disk.waiting() > 0) host.disk.complete(below(host.disk.waiting()));
}

// The link: pieces and acknowledgements arrive in order, at any time, or the link breaks and they are lost.

void World::take_pieces() {
  auto& sent = primary().pieces;
  for (; !sent.empty(); sent.pop_front()) {
    for (const StorageChange& change : sent.front().piece.changes)
      learn_version(change.value, change.version);
    pieces_.push_back(std::move(sent.front().piece));
  }
  if (bug_ == Bug::chunk_overtaken) overtake();
}

/// Lets what two neighbouring pieces say of one key change places.
void World::overtake() {
  for (std::size_t i = 1; i < pieces_.size(); ++i) {
    auto& first = pieces_[i - 1].changes;
    auto& second = pieces_[i].changes;
    const bool same_key = std::any_of(first.begin(), first.end(), [&](const StorageChange& change) {
      return !second.empty() && change.key == second.front().key && change.value != second.front().value;
    });
    if (same_key && chance(20)) std::swap(first, second);
  }
}

void World::deliver_piece() {
  take_pieces();
  if (pieces_.empty()) return;
  auto piece = std::move(pieces_.front());
  pieces_.pop_front();
  learner().on_piece(std::move(piece));
}

void World::deliver_ack() {
  auto& given = learner().acks;
  acks_.insert(acks_.end(), given.begin(), given.end());
  given.clear();
  if (acks_.empty()) return;
  const auto ack = acks_.front();
  acks_.pop_front();
  primary().on_ack(learner_id(), ack);
}

void World::break_link() {
  take_pieces();
  pieces_.clear();
  acks_.clear();
  learner().acks.clear();
  primary().on_follower_unreachable(learner_id());
}

void World::add_learner() {
  const auto report = primary().replica().report();
  const bool is_named = revision_ != 0 && report.lost.empty();
  if (is_named && !chance(2)) return;
  primary().configure({{learner_id(), ++revision_}});
}

// Quiet, and the ends of terms.

/// Everything under way comes to its end, with a learner that is level.
void World::drain() {
  for (const auto& host : hosts_) {
    host->disk.slow = false;
    host->disk.error = {};
  }
  for (int round = 0; round < 3; ++round) {
    for (bool busy = true; busy;) {
      for (const auto& host : hosts_)
        host->disk.complete_all();
      deliver_piece();
      deliver_ack();
      take_pieces();
      busy = !pieces_.empty() || !acks_.empty() || !learner().acks.empty() || primary().disk.waiting() > 0 ||
             learner().disk.waiting() > 0;
    }
    collect_answers();
    if (is_level()) return;
    primary().configure({{learner_id(), ++revision_}});
  }
  found_wrong("no learner was brought level");
}

void World::hand_over() {
  if (chance(50)) client_reads_everything();
  primary().stop(epoch_);
  drain();
  if (!primary().replica().report().stopped) found_wrong("the primary did not drain");
  for (std::size_t key = 0; key < kKeys; ++key) {
    if (is_open(key)) found_wrong("a drained primary left an operation unanswered");
  }
  check_equal_copies();
  if (wrong_.empty()) begin_term(1 - primary_);
}

/// The primary is gone with whatever was under way; its level learner goes on.
void World::lose_primary() {
  take_pieces();
  pieces_.clear();
  acks_.clear();
  for (const auto& [key, entry] : primary().entries())
    learn_version(entry.value.view(), entry.version);
  collect_answers();
  first_open_ = calls_.size();
  learner().disk.complete_all();
  learner().acks.clear();
  hosts_[primary_] = std::make_unique<Host>(kSmall);
  begin_term(1 - primary_);
  client_reads_everything();
}

void World::begin_term(std::size_t primary_index) {
  primary_ = primary_index;
  term_began_ = ++now_;
  floor_ = highest_answered_;
  primary().serve(++epoch_);
}

// What must hold.

bool World::is_level() const {
  const auto level = hosts_[primary_]->replica().report().level;
  return level.size() == 1 && level.front() == LearnerRecord{learner_id(), revision_};
}

/// Every answered write is on a learner that is level: where no operation on a key is open, the copies agree on it.
void World::check_level_learner() {
  if (!is_level()) return;
  const auto here = primary().entries();
  const auto there = learner().entries();
  for (std::size_t key = 0; key < kKeys; ++key) {
    if (is_open(key)) continue;
    const auto mine = here.find(key_name(key));
    const auto theirs = there.find(key_name(key));
    const bool both = mine != here.end() && theirs != there.end();
    const bool same = both
                          ? mine->second.value == theirs->second.value && mine->second.version == theirs->second.version
                          : mine == here.end() && theirs == there.end();
    if (!same) found_wrong("a learner that is level lacks an answered write of " + key_name(key));
  }
}

void World::check_equal_copies() {
  if (primary().entries() != learner().entries()) found_wrong("the copies differ when everything is quiet");
}

void World::check_histories() {
  for (std::size_t key = 0; key < kKeys; ++key) {
    if (!LinearizabilityCheck(history_[key], versions_).holds()) {
      found_wrong("the history of " + key_name(key) + " is not linearizable");
    }
  }
  for (const Call& call : calls_) {
    if (call.answers() > 1) found_wrong("a handler was called twice");
  }
}

}  // namespace dht::replica::testing
