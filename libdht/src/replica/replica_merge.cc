// Merging the table of a joining node: batches that take effect once, decided against what is there.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "replica/merge.h"
#include "replica/replica.h"

namespace dht::replica {

struct Replica::MergeJob {
  MergeDecision decision;
  DoneHandler handler;
};

void Replica::merge(wire::MergeBatch batch, DoneHandler handler, Effects& effects) {
  DHT_ASSERT(is_serving());
  turns_.wait_alone([this, job = MergeJob{MergeDecision(std::move(batch)), std::move(handler)}](
                        Effects& later) mutable { start_merge(std::move(job), later); },
                    effects);
}

void Replica::start_merge(MergeJob job, Effects& effects) {
  const wire::MergeBatch& batch = job.decision.batch();
  const auto mark = merges_.find(batch.joiner);
  const std::uint64_t reached = mark == merges_.end() ? 0 : mark->second.number;
  if (batch.number != 0 && batch.number <= reached) {
    answer_when_committed(std::move(job.handler), effects);  // it took effect before
  } else if (batch.number != reached + 1 || !is_sound(batch.changes)) {
    effects.done.push_back({std::move(job.handler), Errc::invalid_argument});
  } else {
    decide_merge(std::move(job), effects);
  }
}

void Replica::decide_merge(MergeJob job, Effects& effects) {
  while (const auto key = job.decision.next_key()) {
    const auto read = storage_.get(*key);
    if (!read) {
      turns_.occupy_all();
      storage_.await<StorageRead>([this, job = std::move(job)](StorageRead later_read, Effects& later) mutable {
        turns_.continue_all(later, [&] {
          if (later_read.error) {
            later.done.push_back({std::move(job.handler), Errc::not_applied});
          } else {
            job.decision.decide(later_read.entry);
            decide_merge(std::move(job), later);
          }
        });
      });
      return;
    }
    if (read->error) {
      effects.done.push_back({std::move(job.handler), Errc::not_applied});
      return;
    }
    job.decision.decide(read->entry);
  }
  apply_merge(std::move(job), effects);
}

void Replica::apply_merge(MergeJob job, Effects& effects) {
  const wire::MergeBatch& batch = job.decision.batch();
  for (const wire::Change& change : batch.changes)
    clock_.observe(change.version);
  const wire::MergeMark mark{batch.joiner, batch.number, batch.by};
  const auto written = make_change(job.decision.effective(), {mark}, effects);
  if (written && written->error) {
    effects.done.push_back({std::move(job.handler), Errc::not_applied});
    return;
  }
  note_merge(mark);
  answer_when_committed(std::move(job.handler), effects);
  if (written) return;
  turns_.occupy_all();
  storage_.await<StorageWritten>([this, ticket = stored_.last()](StorageWritten later_written, Effects& later) {
    turns_.continue_all(later, [&] { end_change(ticket, later_written, later); });
  });
}

void Replica::note_merge(const wire::MergeMark& mark) {
  MergeProgress& progress = merges_[mark.joiner];
  progress.number = std::max(progress.number, mark.number);
  progress.by = std::max(progress.by, mark.by);
}

/// Answers a success once everything numbered so far is committed.
void Replica::answer_when_committed(DoneHandler handler, Effects& effects) {
  if (!may_answer()) {
    effects.done.push_back({std::move(handler), Errc::not_applied});
  } else if (pending_.empty()) {
    effects.done.push_back({std::move(handler), {}});
  } else {
    pending_.hold(history_.seq(), Effects::Done{std::move(handler), {}});
  }
}

}  // namespace dht::replica
