// A learner that has an old copy of the partition, from before it was restarted or missed, is sent only what it lacks:
// the last changes, where those are still known and what it has is a prefix of the history; else ranges of entries, of
// which digests differ. What the primary has wins, even over something newer: nobody was told of that.
//
// Digests and what replaces a range are read as chunks of a copy are, in the critical section that gives them their
// place in the stream. So a range whose digest agrees is equal at that place, and what follows keeps it so.
#include <algorithm>
#include <set>
#include <utility>

#include "base/assert.h"
#include "base/sip_hash.h"
#include "replica/changes.h"
#include "replica/replica.h"

namespace dht::replica {
namespace {

/// Everything that makes an entry what it is.
class Digest {
 public:
  Digest() noexcept : hash_(kKey0, kKey1) {}
  void add(std::string_view key, const StoredEntry& entry) noexcept {
    hash_.add(std::uint64_t{key.size()});
    hash_.add(key);
    hash_.add(entry.version);
    hash_.add(entry.copy_of.value);
    hash_.add(std::uint64_t{entry.value.view().size()});
    hash_.add(entry.value.view());
  }
  std::uint64_t finish() noexcept { return hash_.finish(); }

 private:
  static constexpr std::uint64_t kKey0 = 0x6c69626468742d31U;
  static constexpr std::uint64_t kKey1 = 0x72616e6765733031U;
  base::SipHash hash_;
};

std::size_t bytes_of(const ScannedEntry& entry) { return entry.key.size() + entry.entry.value.view().size(); }

}  // namespace

// At the primary.

void Replica::bring_up_to_date(FollowerStream& stream, const wire::StreamAck& ack, Effects& effects) {
  const ReplicaPosition& position = *ack.position;
  // Before the first change all histories are alike, and yet a copy may have begun with entries that another one has
  // not.
  const bool is_told_apart = position.seq != 0;
  if (is_told_apart && history_.contains(position) && history_.has_all_after(position.seq)) {
    send_missing(stream, position.seq, effects);
    return end_copy(stream, effects);
  }
  if (ack.scan_order != 0 && ack.scan_order == storage_.scan_order()) {
    stream.begin_comparison();
    return send_copy(stream, wire::StreamStart::compare, effects);
  }
  stream.begin_copy();
  send_copy(stream, wire::StreamStart::copy, effects);
}

void Replica::place_digests(FollowerStream& stream, const ScanChunk& chunk, Effects& effects) {
  wire::StreamPiece piece{.start = wire::StreamStart::digests, .seq = history_.seq()};
  ScanCursor from = stream.cursor();
  Digest digest;
  std::size_t bytes = 0;
  ScanCursor last = from;
  for (const ScannedEntry& entry : chunk.entries) {
    // Entries of one place stay together.
    if (bytes >= options_.range_bytes && entry.at > last) {
      piece.ranges.push_back({{std::exchange(from, entry.at), entry.at}, std::exchange(digest, Digest()).finish()});
      bytes = 0;
    }
    digest.add(entry.key, entry.entry);
    bytes += bytes_of(entry);
    last = entry.at;
  }
  piece.ranges.push_back({{from, chunk.next}, digest.finish()});
  send(stream, std::move(piece), effects);
  stream.end_digests(chunk.next);
}

void Replica::place_difference(FollowerStream& stream, wire::ScanRange range, const ScanChunk& chunk,
                               Effects& effects) {
  range.to = std::min(range.to, chunk.next);
  std::vector<StorageChange> changes;
  for (const ScannedEntry& scanned : chunk.entries) {
    const StoredEntry& entry = scanned.entry;
    if (scanned.at >= range.to) break;
    changes.push_back({StorageChange::Kind::put, scanned.key, entry.value.view(), entry.version, entry.copy_of});
  }
  wire::StreamPiece piece{
      .start = wire::StreamStart::replace, .seq = history_.seq(), .changes = wire::Changes(changes)};
  piece.ranges.push_back({range, 0});
  send(stream, std::move(piece), effects);
  stream.resolve_difference(range.to);
}

// At the learner.

struct Replica::RangeJob {
  std::vector<wire::RangeDigest> ranges;
  ScanCursor cursor = 0;
  std::size_t at = 0;  ///< the range that is being read
  Digest digest{};
  std::vector<std::string> keys{};  ///< its own, where they are to be replaced
  bool replaces = false;
  std::vector<wire::ScanRange> differing{};

  ScanCursor end() const noexcept { return ranges.back().range.to; }
  /// Everything before `place` has been read.
  void close_up_to(ScanCursor place) {
    for (; at < ranges.size() && ranges[at].range.to <= place; ++at) {
      if (std::exchange(digest, Digest()).finish() != ranges[at].digest) differing.push_back(ranges[at].range);
    }
  }
  void take(const ScannedEntry& entry) {
    if (entry.at >= end()) return;
    close_up_to(entry.at);
    if (replaces) keys.push_back(entry.key);
    digest.add(entry.key, entry.entry);
  }
};

std::optional<StorageWritten> Replica::begin_ranges(const wire::StreamPiece& piece) {
  if (piece.ranges.empty()) return StorageWritten{.error = Errc::corrupt};
  RangeJob job{.ranges = piece.ranges, .cursor = piece.ranges.front().range.from};
  job.replaces = piece.start == wire::StreamStart::replace;
  return read_ranges(job);
}

std::optional<StorageWritten> Replica::read_ranges(RangeJob& job) {
  while (job.cursor < job.end()) {
    const auto scanned = storage_.scan(job.cursor, options_.chunk_bytes);
    if (!scanned) {
      storage_.await<StorageScanned>([this, job = std::move(job)](StorageScanned later, Effects& effects) mutable {
        std::optional<StorageWritten> written;
        if (later.error || followed_.current() == nullptr) {
          written = StorageWritten{later.error};
        } else {
          for (const ScannedEntry& entry : later.chunk.entries)
            job.take(entry);
          job.cursor = later.chunk.next;
          written = read_ranges(job);
        }
        if (!written) return;
        end_piece(*written, effects);
        apply_pieces(effects);
      });
      return std::nullopt;
    }
    if (scanned->error) return StorageWritten{scanned->error};
    for (const ScannedEntry& entry : scanned->chunk.entries)
      job.take(entry);
    job.cursor = scanned->chunk.next;
  }
  return finish_ranges(job);
}

std::optional<StorageWritten> Replica::finish_ranges(RangeJob& job) {
  if (!job.replaces) {
    job.close_up_to(job.end());
    differing_.insert(differing_.end(), job.differing.begin(), job.differing.end());
    return StorageWritten{};
  }
  const wire::StreamPiece& piece = *followed_.current();
  std::vector<StorageChange> changes(piece.changes.begin(), piece.changes.end());
  std::set<std::string_view> staying;
  for (const StorageChange& put : changes)
    staying.insert(put.key);
  for (const std::string& key : job.keys) {
    if (!staying.contains(key)) changes.push_back({.kind = StorageChange::Kind::erase, .key = key});
  }
  return await_piece(storage_.apply(changes, state_after(piece)));
}

}  // namespace dht::replica
