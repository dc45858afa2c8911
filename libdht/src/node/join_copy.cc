#include "node/join_copy.h"

#include <fmt/format.h>

#include <dht/error.h>

#include "base/assert.h"
#include "base/random_id.h"

namespace dht::node {
namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kWindowBytes = 4 * 1024 * 1024;
/// With so few written keys left, the clients' wait for them is not noticed.
constexpr std::size_t kFewKeys = 64;
/// Clients that write faster than we copy would keep the rounds going for ever.
constexpr int kMaxRounds = 8;
constexpr Duration kDrainPoll = std::chrono::milliseconds(1);

}  // namespace

JoinCopy::JoinCopy(Scheduler& scheduler, OperationTable& operations, Session& own, Session& target, bool drop_copies,
                   Duration step_timeout)
    : attempt_(base::random_id<NodeId>(scheduler)),
      scheduler_(scheduler),
      operations_(operations),
      own_(own),
      target_(target),
      drop_copies_(drop_copies),
      step_timeout_(step_timeout),
      sources_(own.map()->settings.partitions),
      targets_(target.map()->settings.partitions),
      alive_(std::make_shared<JoinCopy*>(this)) {}

JoinCopy::~JoinCopy() { own_.note_written_keys(false); }

void JoinCopy::start(StatusHandler ready) {
  handler_ = std::move(ready);
  // Before the notes begin, so that no version that is newer lacks its note or comes without a trace.
  for (PartitionId source = 0; source < sources_.size(); ++source)
    sources_[source].at_beginning = own_.last_version(source);
  own_.note_written_keys(true);
  scan_on();
}

void JoinCopy::scan_on() {
  if (phase_ != Phase::scanning || scan_under_way_ || bytes_under_way_ >= kWindowBytes) return;
  if (next_source_ == sources_.size()) return next_step();
  const PartitionId source = next_source_;
  if (cursor_ == 0) sources_[source].at_start = own_.last_version(source);
  scan_under_way_ = true;
  scan_own(source, cursor_, [alive = std::weak_ptr(alive_), source](StorageScanned scanned) {
    if (const auto copy = alive.lock()) (*copy)->on_scanned(source, scanned.error, std::move(scanned.chunk));
  });
}

void JoinCopy::scan_own(PartitionId source, ScanCursor from, StorageScanHandler handler) {
  auto scanned = own_.scan(source, from, kChunkBytes, handler);
  if (!scanned) return;
  // Posted, so that a table of many small partitions does not recurse and others get their turn.
  scheduler_.post(
      [handler = std::move(handler), scanned = std::move(*scanned)]() mutable { handler(std::move(scanned)); });
}

void JoinCopy::on_scanned(PartitionId source, std::error_code error, ScanChunk chunk) {
  scan_under_way_ = false;
  if (phase_ != Phase::scanning) return;
  if (error) return fail(error);
  cursor_ = chunk.next;
  if (cursor_ == kScanEnd) {
    cursor_ = 0;
    ++next_source_;
    sources_[source].scanned = true;
  }
  std::map<PartitionId, Batch> batches;
  for (ScannedEntry& scanned : chunk.entries) {
    if (scanned.entry.copy_of == target_.cluster()) continue;
    if (own_.further_copies().contains(target_.cluster(), scanned.key, scanned.entry.version)) continue;
    if (scanned.entry.version > sources_[source].at_beginning) sent_writes_[scanned.key] = scanned.entry.version;
    Batch& batch = batches[target_.partition_of(scanned.key)];
    batch.source = source;
    batch.from_scan = true;
    batch.bytes += scanned.key.size() + scanned.entry.value.size();
    batch.changes.push_back({.kind = StorageChange::Kind::put,
                             .key = std::move(scanned.key),
                             .value = std::move(scanned.entry.value).release(),
                             .version = scanned.entry.version,
                             .copy_of = scanned.entry.copy_of});
  }
  sources_[source].unacknowledged += batches.size();
  sources_[source].complete = sources_[source].scanned && sources_[source].unacknowledged == 0;
  for (auto& [target, batch] : batches)
    add(target, std::move(batch));
  scan_on();
}

void JoinCopy::next_step() {
  if (batches_under_way_ > 0 || reads_under_way_ > 0 || drops_under_way_ > 0) return;
  switch (phase_) {
    case Phase::scanning:
      phase_ = Phase::rounds;
      [[fallthrough]];
    case Phase::rounds:
      if (own_.written_keys() <= kFewKeys || rounds_ == kMaxRounds) {
        if (handler_) end({});
        return;
      }
      ++rounds_;
      return begin_round();
    case Phase::finishing:
      if (own_.written_keys() > 0) return begin_round();
      phase_ = Phase::dropping;
      return drop_copies();
    case Phase::dropping:
      phase_ = Phase::done;
      return end({});
    case Phase::done:
      return;
  }
}

void JoinCopy::finish(StatusHandler done) {
  DHT_ASSERT(own_.is_paused() && phase_ == Phase::rounds);
  if (!handler_) handler_ = std::move(done);
  if (operations_.has_in_replica()) {
    // A storage that completes later still has writes under way, whose keys are to be copied as they leave them.
    drain_timer_ = scheduler_.call_later(kDrainPoll, [this] { finish({}); });
    return;
  }
  phase_ = Phase::finishing;
  next_step();
}

void JoinCopy::begin_round() {
  const Session::WrittenKeys keys = own_.take_written_keys();
  reads_under_way_ += keys.size();
  for (const auto& [key, before] : keys)
    read_written(key, before);
}

void JoinCopy::read_written(const std::string& key, Version before) {
  own_.peek(key, [this, alive = std::weak_ptr(alive_), key, before](std::error_code error, std::optional<Entry> entry) {
    if (!alive.lock()) return;
    scheduler_.post([alive, key, before, error, entry = std::move(entry)]() mutable {
      if (const auto copy = alive.lock()) (*copy)->copy_written(key, before, error, std::move(entry));
    });
  });
}

void JoinCopy::copy_written(const std::string& key, Version before, std::error_code error, std::optional<Entry> entry) {
  --reads_under_way_;
  if (error) return fail(error);
  // What the target can have of ours is what was sent since the key was written first, or else what the scan found
  // before that.
  const auto sent = sent_writes_.find(key);
  const Version at_target = sent != sent_writes_.end() ? sent->second : before;
  if (!entry && at_target == 0) return next_step();
  Batch batch;
  wire::Change& change = batch.changes.emplace_back();
  change.key = key;
  change.kind = entry ? StorageChange::Kind::put : StorageChange::Kind::erase;
  change.version = entry ? entry->version : at_target;
  if (entry) {
    sent_writes_[key] = entry->version;
    change.value = std::move(entry->value).release();
  } else {
    sent_writes_.erase(key);
  }
  batch.bytes = change.key.size() + change.value.size();
  add(target_.partition_of(key), std::move(batch));
}

void JoinCopy::add(PartitionId target, Batch batch) {
  if (phase_ == Phase::done) return;
  ++batches_under_way_;
  bytes_under_way_ += batch.bytes;
  targets_[target].waiting.push_back(std::move(batch));
  if (!targets_[target].under_way) send_next(target);
}

void JoinCopy::send_next(PartitionId target) {
  Target& state = targets_[target];
  state.under_way = true;
  Operation operation;
  operation.kind = Operation::Kind::merge;
  operation.partition = target;
  operation.batch = wire::MergeBatch{.joiner = attempt_,
                                     .from = own_.cluster(),
                                     .number = ++state.number,
                                     .changes = state.waiting.front().changes,
                                     .by = target_.map()->revision};
  submit(std::move(operation), [this, target](std::error_code error) { on_batch_done(target, error); });
}

void JoinCopy::submit(Operation operation, Function<void(std::error_code)> done) {
  auto shared_done = std::make_shared<Function<void(std::error_code)>>(std::move(done));
  operation.id = operations_.next_id();
  operation.deadline = scheduler_.now() + step_timeout_;
  operation.on_done = [scheduler = &scheduler_, alive = std::weak_ptr(alive_), shared_done](std::error_code error) {
    if (!alive.lock()) return;
    scheduler->post([alive, shared_done, error] {
      if (alive.lock()) (*shared_done)(error);
    });
  };
  const OperationId id = operation.id;
  auto under_way = std::make_unique<Operation>(std::move(operation));
  if (operations_.add(under_way)) {
    target_.route(id);
  } else {
    under_way->fail(Errc::stopped);
  }
}

void JoinCopy::on_batch_done(PartitionId target, std::error_code error) {
  if (error) return fail(error);
  Target& state = targets_[target];
  const Batch batch = std::move(state.waiting.front());
  state.waiting.pop_front();
  state.under_way = false;
  --batches_under_way_;
  bytes_under_way_ -= batch.bytes;
  note_acknowledged(batch);
  if (phase_ == Phase::done) return;
  if (!state.waiting.empty()) send_next(target);
  if (phase_ == Phase::scanning) {
    scan_on();
  } else {
    next_step();
  }
}

void JoinCopy::note_acknowledged(const Batch& batch) {
  if (!batch.from_scan) {
    for (const wire::Change& change : batch.changes) {
      if (change.kind == StorageChange::Kind::put) {
        acknowledged_writes_[change.key] = change.version;
      } else {
        acknowledged_writes_.erase(change.key);
      }
    }
    return;
  }
  Source& source = sources_[batch.source];
  for (const wire::Change& change : batch.changes) {
    if (change.version > source.at_beginning) acknowledged_writes_[change.key] = change.version;
  }
  --source.unacknowledged;
  if (source.scanned && source.unacknowledged == 0) {
    source.complete = true;
    source.acknowledged = {};
    return;
  }
  for (const wire::Change& change : batch.changes)
    source.acknowledged.push_back({change.key, change.version, change.copy_of});
}

void JoinCopy::drop_copies() {
  if (!drop_copies_) return next_step();
  drops_under_way_ = targets_.size();
  for (PartitionId target = 0; target < targets_.size(); ++target) {
    Operation operation;
    operation.kind = Operation::Kind::drop_copies;
    operation.partition = target;
    operation.cluster = own_.cluster();
    submit(std::move(operation), [this](std::error_code error) {
      if (error) return fail(error);
      --drops_under_way_;
      next_step();
    });
  }
}

void JoinCopy::undo(Function<void()> done) {
  phase_ = Phase::done;
  undone_ = std::move(done);
  own_.note_copies_of(target_.cluster());
  for (const auto& [key, version] : acknowledged_writes_)
    mark(key, version, {});
  for (const Source& source : sources_) {
    for (const Acknowledged& entry : source.acknowledged)
      mark(entry.key, entry.version, entry.copy_of);
  }
  mark_next(0, 0);
}

void JoinCopy::mark(const std::string& key, Version version, ClusterId marked) {
  if (marked && marked != target_.cluster()) {
    own_.further_copies().add(target_.cluster(), key, version);
  } else {
    own_.mark_copy(key, version, target_.cluster());
  }
}

void JoinCopy::mark_next(PartitionId source, ScanCursor from) {
  while (source < sources_.size() && !sources_[source].complete)
    ++source;
  if (source == sources_.size()) {
    scheduler_.post(std::move(undone_));
    return;
  }
  scan_own(source, from, [alive = std::weak_ptr(alive_), source](const StorageScanned& scanned) {
    if (const auto copy = alive.lock()) (*copy)->mark_scanned(source, scanned);
  });
}

void JoinCopy::mark_scanned(PartitionId source, const StorageScanned& scanned) {
  for (const ScannedEntry& entry : scanned.chunk.entries) {
    if (entry.entry.version > sources_[source].at_start) continue;
    mark(entry.key, entry.entry.version, entry.entry.copy_of);
  }
  const bool at_end = scanned.error || scanned.chunk.next == kScanEnd;
  mark_next(at_end ? source + 1 : source, at_end ? 0 : scanned.chunk.next);
}

void JoinCopy::fail(std::error_code error) {
  if (phase_ == Phase::done) return;
  phase_ = Phase::done;
  end({error, fmt::format("the copy of this node's entries into the cluster broke off ({})", error.message())});
}

void JoinCopy::end(Status status) {
  StatusHandler handler = std::move(handler_);
  handler_ = nullptr;
  if (handler) handler(std::move(status));
}

}  // namespace dht::node
