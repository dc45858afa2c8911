#include "syncer.h"

#include <chrono>
#include <iterator>
#include <utility>

namespace dht::rocks {

Syncer::Syncer(Database& database) : database_(database), thread_([this] { run(); }) {}

Syncer::~Syncer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Syncer::submit(Done done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
  }
  changed_.notify_all();
}

void Syncer::remember(std::string_view name, std::string_view record, Done done) {
  {
    const std::lock_guard lock(mutex_);
    records_.push_back({node_key(name), std::string(record), std::move(done)});
  }
  changed_.notify_all();
}

void Syncer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty() || !records_.empty(); });
    if (stopping_) return;
    std::vector<Done> waiting = std::exchange(waiting_, {});
    std::deque<Record> records = std::exchange(records_, {});
    lock.unlock();
    serve(std::move(waiting), records);
    lock.lock();
    if (records.empty()) continue;
    // Writes have to wait for compaction. These come first when it goes on.
    records_.insert(records_.begin(), std::move_iterator(records.begin()), std::move_iterator(records.end()));
    changed_.wait_for(lock, std::chrono::milliseconds(2), [this] { return stopping_; });
  }
}

void Syncer::serve(std::vector<Done> waiting, std::deque<Record>& records) {
  write(records, waiting);
  if (waiting.empty()) return;
  const bool synced = !database_.failure().failed() && database_.sync();
  const std::error_code error = synced ? std::error_code() : database_.failure().code();
  for (Done& done : waiting)
    done(error);
}

void Syncer::write(std::deque<Record>& records, std::vector<Done>& waiting) {
  for (; !records.empty(); records.pop_front()) {
    Record& record = records.front();
    if (!database_.failure().failed()) {
      rocksdb::WriteBatch batch;
      batch.Put(record.key, record.value);
      if (database_.write(batch).IsIncomplete()) return;
    }
    waiting.push_back(std::move(record.done));
  }
}

}  // namespace dht::rocks
