// JoinCopy: copies the entries of a node's own table into the cluster that it joins (design: "Join").
//
// Entries go as numbered merge batches to the primaries of the target cluster, one batch at a time per target
// partition, so that a batch whose fate is unknown can be sent again. The own clients go on meanwhile; the keys that
// they write are noted and copied again, in rounds, until few are left. `finish` copies those last ones while the
// clients wait.
//
// Where the join fails, `undo` marks what the target has acknowledged as "copy of" it, so that a later attempt does not
// bring it a second time over what has happened there since.
//
// Thread rule: on the strand; completions from other threads are posted there.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <dht/membership.h>
#include <dht/scheduler.h>

#include "node/operation_table.h"
#include "node/session.h"

namespace dht::node {

class JoinCopy {
 public:
  /// `own` stands alone and serves; `target` lists this node as joining. `step_timeout` bounds one batch.
  JoinCopy(Scheduler& scheduler, OperationTable& operations, Session& own, Session& target, bool drop_copies,
           Duration step_timeout);
  ~JoinCopy();
  JoinCopy(const JoinCopy&) = delete;
  JoinCopy& operator=(const JoinCopy&) = delete;

  /// `ready` when only few keys are left to copy.
  void start(StatusHandler ready);
  /// `own` is paused. `done` when the target holds everything.
  void finish(StatusHandler done);
  /// Marks in `own` what the target has acknowledged. Nothing else may be under way on this object afterwards.
  void undo(Function<void()> done);

 private:
  struct Batch {
    PartitionId source = 0;
    bool from_scan = false;
    std::size_t bytes = 0;
    std::vector<wire::Change> changes{};
  };
  struct Target {
    std::uint64_t number = 0;
    bool under_way = false;
    std::deque<Batch> waiting{};
  };
  struct Acknowledged {
    std::string key;
    Version version = 0;
    ClusterId copy_of{};
  };
  /// How far the scan of one partition of the own table has come, and what of it the target has.
  struct Source {
    Version at_beginning = 0;  ///< just before keys began to be noted
    Version at_start = 0;      ///< when its scan began
    std::size_t unacknowledged = 0;
    bool scanned = false;
    bool complete = false;                     ///< every entry up to version `at_start` has been acknowledged
    std::vector<Acknowledged> acknowledged{};  ///< while it is not complete
  };
  enum class Phase { scanning, rounds, finishing, dropping, done };

  void scan_on();
  /// `handler` is called on the strand, not inside this call.
  void scan_own(PartitionId source, ScanCursor from, StorageScanHandler handler);
  void on_scanned(PartitionId source, std::error_code error, ScanChunk chunk);
  void begin_round();
  void read_written(const std::string& key, Version before);
  void copy_written(const std::string& key, Version before, std::error_code error, std::optional<Entry> entry);
  void add(PartitionId target, Batch batch);
  void send_next(PartitionId target);
  void on_batch_done(PartitionId target, std::error_code error);
  void note_acknowledged(const Batch& batch);
  void next_step();
  void drop_copies();
  void submit(Operation operation, Function<void(std::error_code)> done);
  void mark(const std::string& key, Version version, ClusterId marked);
  void mark_next(PartitionId source, ScanCursor from);
  void mark_scanned(PartitionId source, const StorageScanned& scanned);
  void fail(std::error_code error);
  void end(Status status);

  const NodeId attempt_;  ///< what the batches of this attempt are counted under
  Scheduler& scheduler_;
  OperationTable& operations_;
  Session& own_;
  Session& target_;
  const bool drop_copies_;
  const Duration step_timeout_;

  Phase phase_ = Phase::scanning;
  bool scan_under_way_ = false;
  PartitionId next_source_ = 0;
  ScanCursor cursor_ = 0;
  std::size_t reads_under_way_ = 0;
  std::size_t drops_under_way_ = 0;
  std::size_t batches_under_way_ = 0;  ///< waiting ones included
  std::size_t bytes_under_way_ = 0;
  int rounds_ = 0;
  std::vector<Source> sources_;
  std::vector<Target> targets_;
  /// Of keys written since the beginning: the version that was sent last, by a round or by the scan, and what of that
  /// is acknowledged.
  std::map<std::string, Version> sent_writes_;
  std::map<std::string, Version> acknowledged_writes_;
  Function<void()> undone_;
  StatusHandler handler_;
  std::unique_ptr<Scheduler::Timer> drain_timer_;
  std::shared_ptr<JoinCopy*> alive_;  ///< seen by completions that come when this object may be gone
};

}  // namespace dht::node
