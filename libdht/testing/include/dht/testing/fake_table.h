// FakeTable: a Table over one map in memory, for tests of programs that use one.
//
// It answers as a node does: versions that grow, preconditions, limits, errors on request. Operations complete inline,
// or in a task of a scheduler, where a test wants to see its program wait, or cancel.
//
// Thread rule: as for Table; with a ManualScheduler, that scheduler's thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <dht/scheduler.h>
#include <dht/table.h>
#include <dht/testing/manual_scheduler.h>

namespace dht::testing {

struct FakeTableLimits {
  std::size_t max_key_bytes = kMaxKeyBytes;
  std::size_t max_value_bytes = kDefaultMaxValueBytes;
};

class FakeTable final : public Table {
 public:
  /// Completes every operation before the call returns.
  explicit FakeTable(FakeTableLimits limits = {});
  /// Completes every operation in a task of `scheduler`, which outlives the table. Another thread must run it while a
  /// blocking call waits.
  explicit FakeTable(Scheduler& scheduler, FakeTableLimits limits = {});
  /// The same on virtual time: a blocking call runs that time until its answer is there.
  explicit FakeTable(ManualScheduler& scheduler, FakeTableLimits limits = {});
  /// Fails what is under way with `stopped`.
  ~FakeTable() override;
  FakeTable(const FakeTable&) = delete;
  FakeTable& operator=(const FakeTable&) = delete;

  /// The next operation, or the next after those already told to fail, does nothing and gets `error`.
  void fail_next(std::error_code error);
  /// The same, but the operation is carried out: how a write ends whose answer was lost (`outcome_unknown`).
  void apply_and_fail_next(std::error_code error);
  /// The number of entries.
  std::size_t size() const;

 private:
  class State;

  template <typename Result, typename Handler, typename Work>
  OperationId begin(Handler handler, Work work);
  OperationId do_get(std::string_view key, const ReadOptions& options, GetHandler handler) override;
  OperationId do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) override;
  void do_cancel(OperationId operation) override;
  void do_wait(Completion& completion) override;

  std::shared_ptr<State> state_;    ///< shared with the tasks that wait in the scheduler
  Scheduler* scheduler_ = nullptr;  ///< null where operations complete inline
  Timeline* timeline_ = nullptr;    ///< null where time is not virtual
};

}  // namespace dht::testing
