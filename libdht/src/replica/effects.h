// What a replica wants done after a step. The owner carries it out once it has released the replica's lock.
//
// Thread rule: plain values.
#pragma once

#include <optional>
#include <system_error>
#include <vector>

#include <dht/storage.h>
#include <dht/table.h>

#include "wire/replication.h"

namespace dht::replica {

struct ReadOutcome {
  std::error_code error{};
  std::optional<Entry> entry{};
};

struct WriteOutcome {
  std::error_code error{};
  WriteResult result{};
};

/// Called with the outcome of a merge batch or of a maintenance pass.
using DoneHandler = Function<void(std::error_code)>;

struct Effects {
  struct Read {
    GetHandler handler{};
    ReadOutcome outcome{};
  };
  struct Write {
    WriteHandler handler{};
    WriteOutcome outcome{};
  };
  struct Done {
    DoneHandler handler{};
    std::error_code error{};
  };
  struct Scan {
    StorageScanHandler handler{};
    StorageScanned scanned{};
  };
  struct Piece {
    NodeId follower{};
    wire::StreamPiece piece{};
  };
  struct ChunkAsk {
    NodeId learner{};
    wire::StreamId stream{};
  };

  std::vector<Read> reads{};
  std::vector<Write> writes{};
  std::vector<Done> done{};
  std::vector<Scan> scans{};
  std::vector<Piece> pieces{};           ///< to be sent in this order, on the replication lane
  std::vector<ChunkAsk> chunk_asks{};    ///< copies that go on with `Replica::give_chunk`, when there is time for them
  std::optional<wire::StreamAck> ack{};  ///< to be sent back over the link that the piece came on
  bool report_changed = false;           ///< what `Replica::report()` says is news for the leader
  bool learner_is_level = false;         ///< this, too, but nobody waits for it
  bool opened = false;                   ///< the replica serves from now on: what waited for that can go on

  bool empty() const {
    return reads.empty() && writes.empty() && done.empty() && scans.empty() && pieces.empty() && chunk_asks.empty() &&
           !ack && !report_changed && !learner_is_level && !opened;
  }
};

}  // namespace dht::replica
