// What replicas of one partition say to each other, and what a joining node asks of a primary. Values only; their bytes
// are made in wire/stream.h and wire/data.h.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <dht/membership.h>
#include <dht/storage.h>
#include <dht/types.h>

#include "wire/changes.h"

namespace dht::wire {

/// How far one joining node's merge has come in one partition: its batches 1..number took effect, the last of them sent
/// while the map of revision `by` listed the node as joining.
struct MergeMark {
  NodeId joiner{};
  std::uint64_t number = 0;
  Revision by = 0;

  bool operator==(const MergeMark&) const = default;
};

/// From the number `first` on, changes were numbered by the primary that took over in `epoch`.
struct EpochStart {
  Epoch epoch = 0;
  std::uint64_t first = 0;

  bool operator==(const EpochStart&) const = default;
};

/// One stream from a primary to one learner or backup. Of two streams of one partition that a replica is sent, the one
/// that is greater by epoch, revision and attempt is the newer.
struct StreamId {
  PartitionId partition = 0;
  Epoch epoch = 0;            ///< in which the primary took over
  Revision since = 0;         ///< that added the learner; zero for one that was a backup when the primary took over
  std::uint64_t attempt = 0;  ///< how often the stream has been taken up again

  bool operator==(const StreamId&) const = default;
};

/// How a stream begins, with its piece 1.
enum class StreamStart : std::uint8_t {
  none,     ///< another piece
  copy,     ///< the replica first forgets what it has
  resume,   ///< the replica keeps what it has, and acknowledges with its position
  copied,   ///< another piece, after which a copy has all that the primary has
  compare,  ///< the replica keeps its entries, which are to be compared; otherwise as `copy`
  digests,  ///< another piece: what the primary has in some ranges
  replace,  ///< another piece: the replica has in a range exactly the changes, which are puts
};

/// Entries whose place in a scan lies from `from` up to, and not with, `to`.
struct ScanRange {
  ScanCursor from = 0;
  ScanCursor to = 0;

  bool operator==(const ScanRange&) const = default;
};
/// What the primary has in a range, as a hash of all of it.
struct RangeDigest {
  ScanRange range{};
  std::uint64_t digest = 0;

  bool operator==(const RangeDigest&) const = default;
};

/// The next piece of a stream: to be applied whole and in order of `index` (1, 2, ...). Live writes and chunks of the
/// scan look alike: each is right at its place.
struct StreamPiece {
  StreamId stream{};
  std::uint64_t index = 0;
  StreamStart start = StreamStart::none;
  std::uint64_t seq = 0;             ///< of the last change that the replica has once this piece is applied
  std::uint64_t committed = 0;       ///< every replica that counts has the changes up to here
  Version last_version = 0;          ///< the partition's version clock at that position
  std::vector<EpochStart> starts{};  ///< of the history that the replica takes over; in one piece of a stream
  std::vector<MergeMark> merges{};   ///< marks that are new with this piece (all of them where a copy starts)
  Changes changes{};
  std::vector<RangeDigest> ranges{};  ///< digests: one after the other; replace: one, without a digest

  bool operator==(const StreamPiece&) const = default;
};

/// The replica has applied every piece up to `index`; `refused` where it cannot take the stream (a gap, another
/// stream).
struct StreamAck {
  StreamId stream{};
  std::uint64_t index = 0;
  bool refused = false;
  std::optional<ReplicaPosition> position{};  ///< in the answer to a stream that resumes
  std::uint64_t scan_order = 0;               ///< with a position: of the replica's storage
  std::vector<ScanRange> differing{};         ///< ranges, compared by then, in which it has something else

  bool operator==(const StreamAck&) const = default;
};

/// Entries of a joining node's table, for one partition of the cluster that it joins. A put takes effect where the key
/// is absent, has an older version, or is an unchanged copy of `from` (what the joiner's cluster held); a tie keeps
/// what is there. An erase (a delete made by the joiner's clients while it joins) takes effect where the entry has
/// exactly the change's version: it is what the joiner brought.
struct MergeBatch {
  NodeId joiner{};  ///< a random id of the attempt to join, so that the next attempt counts from 1 again
  ClusterId from{};
  std::uint64_t number = 0;  ///< 1, 2, ... per joiner and partition; one that took effect is not applied again
  std::vector<Change> changes{};
  Revision by = 0;  ///< of a map of the cluster that lists the sender as joining

  bool operator==(const MergeBatch&) const = default;
};

}  // namespace dht::wire
