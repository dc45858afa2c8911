#include "replica/pending_writes.h"

#include <utility>

#include "base/assert.h"

namespace dht::replica {

namespace {

void give_out(PendingWrites::Answer answer, Effects& effects) {
  if (auto* read = std::get_if<Effects::Read>(&answer)) {
    effects.reads.push_back(std::move(*read));
  } else if (auto* write = std::get_if<Effects::Write>(&answer)) {
    effects.writes.push_back(std::move(*write));
  } else {
    effects.done.push_back(std::get<Effects::Done>(std::move(answer)));
  }
}

}  // namespace

Seq PendingWrites::last_of(std::string_view key) const noexcept {
  if (last_of_.empty()) return 0;
  const auto found = last_of_.find(key);
  return found == last_of_.end() ? 0 : found->second;
}

void PendingWrites::add(Seq seq, std::vector<std::string> keys) {
  if (writes_.empty()) first_ = seq;
  DHT_ASSERT(seq == first_ + writes_.size());
  for (const std::string& key : keys)
    last_of_[key] = seq;
  writes_.push_back({std::move(keys), {}});
}

void PendingWrites::hold(Seq seq, Answer answer) {
  DHT_ASSERT(contains(seq) && seq < first_ + writes_.size());
  writes_[seq - first_].answers.push_back(std::move(answer));
}

void PendingWrites::fail(Effects& effects) {
  for (Write& write : writes_) {
    for (Answer& answer : write.answers) {
      if (auto* read = std::get_if<Effects::Read>(&answer)) {
        read->outcome = {.error = Errc::not_applied, .entry = {}};
      } else if (auto* written = std::get_if<Effects::Write>(&answer)) {
        written->outcome = {.error = Errc::outcome_unknown, .result = {}};
      } else {
        std::get<Effects::Done>(answer).error = Errc::not_applied;
      }
      give_out(std::move(answer), effects);
    }
  }
  writes_.clear();
  last_of_.clear();
}

void PendingWrites::commit(Seq seq, Effects& effects) {
  while (!writes_.empty() && first_ <= seq) {
    for (const std::string& key : writes_.front().keys) {
      const auto found = last_of_.find(key);
      if (found != last_of_.end() && found->second == first_) last_of_.erase(found);
    }
    for (Answer& answer : writes_.front().answers)
      give_out(std::move(answer), effects);
    writes_.pop_front();
    ++first_;
  }
}

}  // namespace dht::replica
