#include "storage/batch.h"

#include <utility>

#include "base/assert.h"

namespace dht::storage {

Batch::Batch(Index& index, StorageStatistics& statistics, std::size_t changes)
    : index_(index), statistics_(statistics), statistics_before_(statistics) {
  steps_.reserve(changes);
}

Batch::~Batch() {
  if (committed_) return;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step)
    take_back(*step);
  statistics_ = statistics_before_;
}

void Batch::make(const StorageChange& change) {
  DHT_ASSERT(!committed_ && steps_.size() < steps_.capacity());
  const Index::Position position = index_.position_of(change.key);
  Slot* slot = index_.find(position, change.key);
  if (change.kind == StorageChange::Kind::put) {
    put(change, position, slot);
  } else if (slot != nullptr && !slot->record()->doomed()) {
    Record& record = *slot->record();
    record.set_doomed(true);
    uncount(record);
    steps_.push_back({Step::Kind::doomed, position, &record});
  }
}

void Batch::put(const StorageChange& change, Index::Position position, Slot* slot) {
  Record::Owner made = Record::make({change.key, change.value, change.version, change.copy_of}, position);
  Record& record = *made;
  if (slot == nullptr) {
    index_.insert(position, std::move(made));
    steps_.push_back({Step::Kind::inserted, position, &record});
  } else {
    if (!slot->record()->doomed()) uncount(*slot->record());
    steps_.push_back({Step::Kind::replaced, position, &record, index_.exchange(*slot, std::move(made))});
  }
  count(record);
}

void Batch::commit() noexcept {
  for (const Step& step : steps_) {
    if (step.kind != Step::Kind::doomed) continue;
    // A later put may have replaced the doomed record, and then the key stays.
    const Slot* slot = index_.find(step.position, step.record->key());
    if (slot != nullptr && slot->record() == step.record) index_.erase(step.position, step.record->key());
  }
  committed_ = true;
}

void Batch::take_back(Step& step) noexcept {
  switch (step.kind) {
    case Step::Kind::inserted:
      index_.erase(step.position, step.record->key());
      break;
    case Step::Kind::replaced:
      index_.exchange(*index_.find(step.position, step.record->key()), std::move(step.old));
      break;
    case Step::Kind::doomed:
      step.record->set_doomed(false);
      break;
  }
}

void Batch::count(const Record& record) noexcept {
  ++statistics_.entries;
  statistics_.bytes += record.bytes();
}

void Batch::uncount(const Record& record) noexcept {
  --statistics_.entries;
  statistics_.bytes -= record.bytes();
}

}  // namespace dht::storage
