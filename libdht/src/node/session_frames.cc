// What a session fetches into the caches when frames of peers are about to come.

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>

#include "base/fetch.h"
#include "node/session.h"

namespace dht::node {
namespace {

/// More frames at once are not announced.
constexpr std::size_t kMostExpected = 16;

/// What the frames are about: a few partitions, each once, since its slot's lock is taken.
class Subjects {
 public:
  /// Whether it was added.
  bool add(const wire::Subject& subject) {
    const bool is_known =
        std::any_of(begin(), end(), [&](const wire::Subject& other) { return other.partition == subject.partition; });
    if (is_known || count_ == subjects_.size()) return false;
    subjects_[count_++] = subject;
    return true;
  }
  std::size_t size() const { return count_; }
  const wire::Subject& operator[](std::size_t index) const { return subjects_[index]; }

 private:
  const wire::Subject* begin() const { return subjects_.data(); }
  const wire::Subject* end() const { return subjects_.data() + count_; }

  std::array<wire::Subject, kMostExpected> subjects_;
  std::size_t count_ = 0;
};

}  // namespace

/// The slots' locks are held through all steps, and none is waited for: so nothing of this can stand still for long.
void Session::expect_frames(std::span<const Frame> frames) noexcept {
  Subjects subjects;
  for (const Frame& frame : frames) {
    const auto subject = wire::peek_subject(frame.type, frame.payload);
    if (subject && subject->partition < partitions_ && subjects.add(*subject)) {
      base::fetch(&slot(subject->partition), base::kCacheLine);
    }
  }
  std::array<std::unique_lock<std::mutex>, kMostExpected> locks;
  const auto each_replica = [&](auto visit) {
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      const Slot& slot = this->slot(subjects[i].partition);
      if (locks[i] && slot.replica) visit(*slot.replica, subjects[i].key);
    }
  };
  for (std::size_t i = 0; i < subjects.size(); ++i)
    locks[i] = std::unique_lock(slot(subjects[i].partition).mutex, std::try_to_lock);
  each_replica([](const replica::Replica& replica, std::string_view) { base::fetch_object(replica); });
  for (unsigned step = 0; step < replica::Replica::kFetchSteps; ++step) {
    each_replica([step](const replica::Replica& replica, std::string_view) { replica.fetch_ahead(step); });
  }
  for (unsigned step = 0; step < PartitionStorage::kExpectSteps; ++step) {
    each_replica([step](const replica::Replica& replica, std::string_view key) {
      if (!key.empty()) replica.expect(key, step);
    });
  }
}

}  // namespace dht::node
