// What clients ask of a primary: get and write. Each goes to the storage when it is its key's turn, and its answer
// waits for the pending writes that it has seen. A scan waits for its turn alone.
#include <utility>
#include <vector>

#include "base/assert.h"
#include "replica/replica.h"

namespace dht::replica {

namespace {

void answer(std::optional<ReadOutcome> outcome, GetHandler& handler, Effects& effects) {
  if (outcome) effects.reads.push_back({std::move(handler), std::move(*outcome)});
}

void answer(std::optional<WriteOutcome> outcome, WriteHandler& handler, Effects& effects) {
  if (outcome) effects.writes.push_back({std::move(handler), *outcome});
}

void answer(std::optional<StorageScanned> scanned, StorageScanHandler& handler, Effects& effects) {
  if (scanned) effects.scans.push_back({std::move(handler), std::move(*scanned)});
}

}  // namespace

// Reading.

std::optional<ReadOutcome> Replica::get(std::string_view key, GetHandler& handler, Effects&) {
  DHT_ASSERT(is_serving());
  if (turns_.is_free(key)) return start_get(key, handler);
  turns_.wait(key, [this, key = std::string(key), handler = std::move(handler)](Effects& effects) mutable {
    answer(start_get(key, handler), handler, effects);
  });
  return std::nullopt;
}

std::optional<ReadOutcome> Replica::start_get(std::string_view key, GetHandler& handler) {
  if (auto read = storage_.get(key)) return finish_get(key, std::move(*read), handler);
  turns_.occupy(key);
  storage_.await<StorageRead>([this, key = std::string(key), handler = std::move(handler)](StorageRead read,
                                                                                           Effects& effects) mutable {
    turns_.continue_with(key, effects, [&] { answer(finish_get(key, std::move(read), handler), handler, effects); });
  });
  return std::nullopt;
}

std::optional<ReadOutcome> Replica::finish_get(std::string_view key, StorageRead read, GetHandler& handler) {
  if (read.error || !may_answer()) return ReadOutcome{Errc::not_applied, std::nullopt};
  ReadOutcome outcome;
  if (read.entry) outcome.entry = Entry{std::move(read.entry->value), read.entry->version};
  const Seq seen = pending_.last_of(key);
  if (seen == 0) return outcome;
  pending_.hold(seen, Effects::Read{std::move(handler), std::move(outcome)});
  return std::nullopt;
}

// Writing: read the key, decide, apply, number.

/// A write on its way. Its views belong to the caller until it has to wait.
struct Replica::WriteJob {
  WriteRequest request;
  Precondition precondition;
  std::uint64_t wall_ms = 0;
  bool existed = false;
  Version version = 0;        ///< of the put, once it is decided
  std::vector<char> bytes{};  ///< key and value, once they are the job's own; they stay in place when the job moves

  std::string_view key() const noexcept { return request.key; }

  void own_bytes() {
    if (!bytes.empty()) return;
    bytes.reserve(request.key.size() + request.value.size());
    bytes.insert(bytes.end(), request.key.begin(), request.key.end());
    bytes.insert(bytes.end(), request.value.begin(), request.value.end());
    const std::string_view both(bytes.data(), bytes.size());
    request.value = both.substr(request.key.size());
    request.key = both.substr(0, request.key.size());
  }

  StorageChange change() const noexcept {
    if (request.kind == WriteRequest::Kind::erase) return {.kind = StorageChange::Kind::erase, .key = request.key};
    return {.kind = StorageChange::Kind::put, .key = request.key, .value = request.value, .version = version};
  }
};

std::optional<WriteOutcome> Replica::write(const WriteRequest& request, const Precondition& precondition,
                                           std::uint64_t wall_ms, WriteHandler& handler, Effects& effects) {
  DHT_ASSERT(is_serving());
  DHT_ASSERT(!request.key.empty());
  WriteJob job{.request = request, .precondition = precondition, .wall_ms = wall_ms};
  if (turns_.is_free(request.key)) return start_write(job, handler, effects);
  job.own_bytes();
  turns_.wait(request.key, [this, job = std::move(job), handler = std::move(handler)](Effects& later) mutable {
    answer(start_write(job, handler, later), handler, later);
  });
  return std::nullopt;
}

std::optional<WriteOutcome> Replica::start_write(WriteJob& job, WriteHandler& handler, Effects& effects) {
  if (const auto read = storage_.get_version(job.key())) return apply_write(job, *read, handler, effects);
  turns_.occupy(job.key());
  job.own_bytes();
  storage_.await<StorageRead>(
      [this, job = std::move(job), handler = std::move(handler)](StorageRead read, Effects& later) mutable {
        turns_.continue_with(job.key(), later, [&] { answer(apply_write(job, read, handler, later), handler, later); });
      });
  return std::nullopt;
}

std::optional<WriteOutcome> Replica::apply_write(WriteJob& job, const StorageRead& read, WriteHandler& handler,
                                                 Effects& effects) {
  if (read.error || !may_answer()) return WriteOutcome{Errc::not_applied, {}};
  job.existed = read.entry.has_value();
  if (!job.precondition.holds(job.existed ? read.entry->version : 0)) {
    return answer_unchanged(job.key(), {Errc::precondition_failed, {0, job.existed}}, handler);
  }
  if (job.request.kind == WriteRequest::Kind::erase && !job.existed) {
    return answer_unchanged(job.key(), {{}, {0, false}}, handler);
  }
  job.version = clock_.next(job.wall_ms);  // of an erase, too: what is put afterwards is newer than the erase
  const StorageChange change = job.change();
  const auto written = make_change({&change, 1}, {}, effects);
  if (written && written->error) return WriteOutcome{Errc::not_applied, {}};
  if (!may_answer()) return WriteOutcome{Errc::outcome_unknown, {}};
  const WriteOutcome outcome{{}, {change.version, job.existed}};
  if (!written) return await_write(job, outcome, handler);
  if (!pending_.contains(history_.seq())) return outcome;
  pending_.hold(history_.seq(), Effects::Write{std::move(handler), outcome});
  return std::nullopt;
}

/// The change has its number, and is on its way into the storage: until it is there nobody reads the key.
std::optional<WriteOutcome> Replica::await_write(WriteJob& job, const WriteOutcome& outcome, WriteHandler& handler) {
  const StoredChanges::Ticket ticket = stored_.last();
  pending_.hold(ticket.seq, Effects::Write{std::move(handler), outcome});
  turns_.occupy(job.key());
  storage_.await<StorageWritten>([this, key = std::string(job.key()), ticket](StorageWritten written, Effects& later) {
    turns_.continue_with(key, later, [&] { end_change(ticket, written, later); });
  });
  return std::nullopt;
}

/// The write changed nothing, but its outcome tells of what is there.
std::optional<WriteOutcome> Replica::answer_unchanged(std::string_view key, const WriteOutcome& outcome,
                                                      WriteHandler& handler) {
  const Seq seen = pending_.last_of(key);
  if (seen == 0) return outcome;
  pending_.hold(seen, Effects::Write{std::move(handler), outcome});
  return std::nullopt;
}

// Scanning.

std::optional<StorageScanned> Replica::scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler& handler,
                                            Effects& effects) {
  if (role_ != Role::primary || drained_) return StorageScanned{};
  if (turns_.is_idle()) return start_scan(from, max_bytes, handler);
  turns_.wait_alone([this, from, max_bytes, handler = std::move(handler)](
                        Effects& later) mutable { answer(start_scan(from, max_bytes, handler), handler, later); },
                    effects);
  return std::nullopt;
}

std::optional<StorageScanned> Replica::start_scan(ScanCursor from, std::size_t max_bytes, StorageScanHandler& handler) {
  if (auto scanned = storage_.scan(from, max_bytes)) return scanned;
  turns_.occupy_all();
  storage_.await<StorageScanned>(
      [this, handler = std::move(handler)](StorageScanned scanned, Effects& effects) mutable {
        turns_.continue_all(effects, [&] { answer(std::move(scanned), handler, effects); });
      });
  return std::nullopt;
}

}  // namespace dht::replica
