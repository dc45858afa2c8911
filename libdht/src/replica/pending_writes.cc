#include "replica/pending_writes.h"

#include <cstdint>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"

namespace dht::replica {

namespace {

void give_out(PendingWrites::Answer&& answer, Effects& effects) {
  if (auto* read = std::get_if<Effects::Read>(&answer)) {
    effects.reads.push_back(std::move(*read));
  } else if (auto* write = std::get_if<Effects::Write>(&answer)) {
    effects.writes.push_back(std::move(*write));
  } else {
    effects.done.push_back(std::get<Effects::Done>(std::move(answer)));
  }
}

}  // namespace

PendingWrites::KeyHash PendingWrites::hash(std::string_view key) noexcept {
  // By where the program happens to lie, so that nobody can choose keys that crowd together. What is hashed shows
  // nowhere, so it makes no run differ from another.
  static const char place = 0;
  static const base::SeededHash hash{reinterpret_cast<std::uintptr_t>(&place)};
  return hash(key) | 1;  // never zero
}

Seq PendingWrites::last_of(std::string_view key) const noexcept {
  if (last_of_.empty()) return 0;
  const Seq* const found = last_of_.find(hash(key));
  return found == nullptr ? 0 : *found;
}

PendingWrites::KeyHash PendingWrites::add_key(std::string_view key, Seq seq) {
  const KeyHash hashed = hash(key);
  last_of_[hashed] = seq;
  return hashed;
}

void PendingWrites::forget_key(KeyHash key, Seq seq) noexcept {
  const Seq* const found = last_of_.find(key);
  if (found != nullptr && *found == seq) last_of_.erase(key);
}

void PendingWrites::add(Seq seq, std::span<const StorageChange> changes) {
  if (writes_.empty()) first_ = seq;
  DHT_ASSERT(seq == first_ + writes_.size());
  Write write{.key = changes.empty() ? 0 : add_key(changes.front().key, seq)};
  for (std::size_t i = 1; i < changes.size(); ++i)
    write.more_keys.push_back(add_key(changes[i].key, seq));
  writes_.push_back(std::move(write));
}

void PendingWrites::hold(Seq seq, Answer answer) {
  DHT_ASSERT(contains(seq) && seq < first_ + writes_.size());
  Write& write = writes_[seq - first_];
  if (!write.answer) {
    write.answer = std::move(answer);
  } else {
    write.more_answers.push_back(std::move(answer));
  }
}

template <typename Visit>
void PendingWrites::for_each_answer(Write& write, Visit visit) {
  if (write.answer) visit(*write.answer);
  for (Answer& answer : write.more_answers)
    visit(answer);
}

void PendingWrites::fail(Effects& effects) {
  for (; !writes_.empty(); writes_.pop_front()) {
    for_each_answer(writes_.front(), [&](Answer& answer) {
      if (auto* read = std::get_if<Effects::Read>(&answer)) {
        read->outcome = {.error = Errc::not_applied, .entry = {}};
      } else if (auto* written = std::get_if<Effects::Write>(&answer)) {
        written->outcome = {.error = Errc::outcome_unknown, .result = {}};
      } else {
        std::get<Effects::Done>(answer).error = Errc::not_applied;
      }
      give_out(std::move(answer), effects);
    });
  }
  last_of_.clear();
}

void PendingWrites::commit(Seq seq, Effects& effects) {
  for (; !writes_.empty() && first_ <= seq; ++first_) {
    Write& write = writes_.front();
    forget_key(write.key, first_);
    for (const KeyHash key : write.more_keys)
      forget_key(key, first_);
    for_each_answer(write, [&](Answer& answer) { give_out(std::move(answer), effects); });
    writes_.pop_front();
  }
}

}  // namespace dht::replica
