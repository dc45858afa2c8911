// What replicas of one partition say to each other, and what a joining node asks of a primary. Values only; their bytes
// are made in wire/data.h.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <dht/storage.h>
#include <dht/types.h>

namespace dht::wire {

/// A change that owns its bytes.
struct Change {
  StorageChange::Kind kind = StorageChange::Kind::put;
  std::string key{};
  std::string value{};
  Version version = 0;
  ClusterId copy_of{};

  bool operator==(const Change&) const = default;
};

/// How far one joining node's merge has come in one partition: its batches 1..number took effect, the last of them sent
/// while the map of revision `by` listed the node as joining.
struct MergeMark {
  NodeId joiner{};
  std::uint64_t number = 0;
  Revision by = 0;

  bool operator==(const MergeMark&) const = default;
};

/// One stream from a primary to one learner: that learner of that partition in that epoch, as added by revision
/// `since`.
struct StreamId {
  PartitionId partition = 0;
  Epoch epoch = 0;
  Revision since = 0;

  bool operator==(const StreamId&) const = default;
};

/// The next piece of a stream: to be applied whole and in order of `index` (1, 2, ...). Piece 1 begins the stream: the
/// learner first forgets what it had. Live writes and chunks of the scan look alike: each is right at its place.
struct StreamPiece {
  StreamId stream{};
  std::uint64_t index = 0;
  std::uint64_t seq = 0;            ///< the primary's position once this piece is applied
  Version last_version = 0;         ///< the partition's version clock at that position
  std::vector<MergeMark> merges{};  ///< marks that are new with this piece (all of them in piece 1)
  std::vector<Change> changes{};

  bool operator==(const StreamPiece&) const = default;
};

/// The learner has applied every piece up to `index`; `refused` where it cannot take the stream (a gap, another
/// stream).
struct StreamAck {
  StreamId stream{};
  std::uint64_t index = 0;
  bool refused = false;

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
