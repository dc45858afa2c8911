// What the clients of a World do, and the histories that they write.
#include <algorithm>
#include <string>
#include <utility>

#include "world.h"

namespace dht::replica::testing {

namespace {

constexpr NodeId kJoiner{77};
constexpr ClusterId kTheirs{78};
constexpr ClusterId kMark{79};  // not the joiner's: over such an entry any of its puts would win

ValueId id_of(std::string_view value) { return static_cast<ValueId>(std::stoul(std::string(value))); }

}  // namespace

Operation& World::begin(std::size_t key, Operation::Kind kind) {
  Operation& operation = history_[key].emplace_back();
  operation.kind = kind;
  operation.called = ++now_;
  return operation;
}

bool World::is_open(std::size_t key) const {
  return std::any_of(calls_.begin() + static_cast<std::ptrdiff_t>(first_open_), calls_.end(),
                     [&](const Call& call) { return call.key == key && call.answers() == 0; });
}

void World::client_acts() {
  const std::size_t key = below(kKeys);
  if (!has_room(key)) return;
  if (chance(40)) {
    client_reads(key);
  } else {
    client_writes(key);
  }
}

void World::client_reads(std::size_t key) {
  Operation& operation = begin(key, Operation::Kind::get);
  if (bug_ == Bug::read_past_pending) {
    const std::string value = primary().value(key_name(key));
    operation.found = value == "(none)" ? 0 : id_of(value);
    operation.returned = ++now_;
    return;
  }
  calls_.push_back({key, history_[key].size() - 1, primary().get(key_name(key)), nullptr, nullptr});
}

void World::client_writes(std::size_t key) {
  Operation& operation = begin(key, chance(65) ? Operation::Kind::put : Operation::Kind::erase);
  Precondition precondition;
  if (chance(30)) {
    operation.expected = 0;
    precondition = Precondition::absent();
  } else if (chance(40)) {
    // Whatever value a client of this key has seen last, with its version.
    for (const Operation& earlier : history_[key]) {
      const ValueId seen = earlier.kind == Operation::Kind::get ? earlier.found : earlier.value;
      if (!earlier.is_answered() || seen == 0 || versions_[seen] == 0) continue;
      operation.expected = seen;
      precondition = Precondition::matches(versions_[seen]);
    }
  }
  WriteAnswer answer;
  if (operation.kind == Operation::Kind::put) {
    operation.value = new_value();
    answer = primary().put(key_name(key), std::to_string(operation.value), precondition);
  } else {
    answer = primary().erase(key_name(key), precondition);
  }
  calls_.push_back({key, history_[key].size() - 1, nullptr, std::move(answer), nullptr});
}

void World::client_reads_everything() {
  for (std::size_t key = 0; key < kKeys; ++key)
    client_reads(key);
}

/// Sends the next batch, or the last one again while it has not been answered.
void World::joiner_merges() {
  const bool unanswered = !merges_.empty() && std::any_of(calls_.begin(), calls_.end(), [&](const Call& call) {
    return call.merge && !history_[call.key][call.place].is_answered() &&
           history_[call.key][call.place].version == merges_.back().changes.front().version;
  });
  if (!unanswered) {
    const std::size_t key = below(kKeys);
    if (!has_room(key)) return;
    Operation& operation = begin(key, Operation::Kind::merge);
    operation.value = new_value();
    operation.version = (primary().wall_ms << 16) + 0x4000 + operation.value;
    learn_version(std::to_string(operation.value), operation.version);
    merges_.push_back({kJoiner, kTheirs, merges_.size() + 1, {}});
    merges_.back().changes.push_back(
        {StorageChange::Kind::put, key_name(key), std::to_string(operation.value), operation.version, {}});
    calls_.push_back({key, history_[key].size() - 1, nullptr, nullptr, primary().merge(merges_.back())});
    return;
  }
  // The same operation, asked again: it ends with the first answer that says that it took effect.
  for (std::size_t i = calls_.size(); i-- > 0;) {
    if (!calls_[i].merge) continue;
    calls_.push_back({calls_[i].key, calls_[i].place, nullptr, nullptr, primary().merge(merges_.back())});
    return;
  }
}

/// A batch that was answered comes once more, late.
void World::joiner_repeats() {
  if (merges_.size() < 2) return;
  wire::MergeBatch batch = merges_[below(merges_.size() - 1)];
  if (bug_ == Bug::merge_numbered_again) {
    batch.number = merges_.size() + 1;
    merges_.push_back(batch);
  }
  primary().merge(batch);
}

void World::somebody_marks() {
  const std::size_t key = below(kKeys);
  const auto entries = primary().entries();
  const auto found = entries.find(key_name(key));
  if (found != entries.end()) primary().mark_copy(key_name(key), found->second.version, kMark);
}

// Answers.

void World::collect_answers() {
  for (std::size_t i = first_open_; i < calls_.size(); ++i)
    collect(calls_[i]);
  while (first_open_ < calls_.size() && calls_[first_open_].answers() > 0)
    ++first_open_;
}

void World::collect(Call& call) {
  Operation& operation = history_[call.key][call.place];
  if (call.answers() == 0 || operation.is_answered()) return;
  const auto error = call.read ? call.read->error() : call.write ? call.write->error() : call.merge->error();
  if (error == Errc::not_applied) {
    // Nothing was done: a client's operation is as good as never asked, a merge is sent again.
    if (!call.merge) operation = {.kind = Operation::Kind::get, .called = operation.called};
    return;
  }
  if (call.write) {
    collect_write(operation, call.write->outcome);
  } else if (error) {
    found_wrong("an unexpected error: " + error.message());
  } else if (call.read && call.read->outcome.entry) {
    operation.found = id_of(call.read->outcome.entry->value.view());
    learn_version(call.read->outcome.entry->value.view(), call.read->outcome.entry->version);
  }
  operation.returned = ++now_;
}

void World::collect_write(Operation& operation, const WriteOutcome& outcome) {
  operation.failed = outcome.error == Errc::precondition_failed;
  operation.existed = outcome.result.existed;
  if (outcome.error && !operation.failed) found_wrong("an unexpected error: " + outcome.error.message());
  if (operation.failed || operation.kind == Operation::Kind::erase) return;
  learn_version(std::to_string(operation.value), outcome.result.version);
  highest_answered_ = std::max(highest_answered_, outcome.result.version);
  if (operation.called > term_began_ && outcome.result.version <= floor_) {
    found_wrong("a version did not grow across a change of the primary");
  }
}

void World::learn_version(std::string_view value, Version version) {
  if (value.empty()) return;  // of an erase
  Version& known = versions_[id_of(value)];
  if (known != 0 && known != version) found_wrong("one put had two versions");
  known = version;
}

}  // namespace dht::replica::testing
