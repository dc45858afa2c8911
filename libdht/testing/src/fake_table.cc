#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <dht/error.h>
#include <dht/testing/fake_table.h>

#include "base/assert.h"

namespace dht::testing {

namespace {

struct Failure {
  std::error_code error;
  bool applies = false;
};

}  // namespace

/// Everything behind the lock. An operation is a function that carries itself out under the lock and returns its
/// answer, a function to call without it.
class FakeTable::State {
 public:
  using Answer = Function<void()>;
  using Operation = Function<Answer(State&, std::error_code refused)>;

  explicit State(FakeTableLimits limits) : limits_(limits) {}

  // Called with the lock not held.

  OperationId run(Operation operation) {
    finish([&] { return operation(*this, {}); });
    return 0;
  }
  OperationId add(Operation operation) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(++last_id_, std::move(operation));
    return last_id_;
  }
  /// Carries out an operation that waits, or refuses it with `refused`. Nothing where it is done already.
  void complete(OperationId id, std::error_code refused) {
    finish([&]() -> Answer {
      const auto found = waiting_.extract(id);
      return found ? found.mapped()(*this, refused) : Answer{};
    });
  }
  void stop() {
    for (;;) {
      OperationId next = 0;
      {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) return;
        next = waiting_.begin()->first;
      }
      complete(next, Errc::stopped);
    }
  }
  void add_failure(Failure failure) {
    DHT_ASSERT(failure.error);
    const std::lock_guard lock(mutex_);
    failures_.push_back(failure);
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

  // Called by operations, so under the lock.

  Failure next_failure() {
    if (failures_.empty()) return {};
    const Failure failure = failures_.front();
    failures_.pop_front();
    return failure;
  }
  std::error_code check(std::string_view key, std::string_view value) const {
    if (key.empty()) return Errc::invalid_argument;
    if (key.size() > limits_.max_key_bytes || value.size() > limits_.max_value_bytes) return Errc::too_large;
    return {};
  }
  std::optional<Entry> read(std::string_view key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }
  std::error_code write(WriteRequest::Kind kind, const std::string& key, std::string_view value,
                        const Precondition& precondition, WriteResult& result) {
    const auto found = entries_.find(key);
    const Version existing = found == entries_.end() ? 0 : found->second.version;
    if (!precondition.holds(existing)) return Errc::precondition_failed;
    result.existed = existing != 0;
    if (kind == WriteRequest::Kind::put) {
      result.version = ++last_version_;
      entries_.insert_or_assign(key, Entry{Value(value), result.version});
    } else if (result.existed) {
      entries_.erase(found);
    }
    return {};
  }

 private:
  template <typename Step>
  void finish(Step step) {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      answer = step();
    }
    if (answer) answer();
  }

  const FakeTableLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<OperationId, Operation> waiting_;
  std::deque<Failure> failures_;
  OperationId last_id_ = 0;
  /// As large as real ones, which begin with the milliseconds since 1970.
  Version last_version_ = ManualScheduler::kStartOfWallClock << 16;
};

FakeTable::FakeTable(FakeTableLimits limits) : state_(std::make_shared<State>(limits)) {}

FakeTable::FakeTable(Scheduler& scheduler, FakeTableLimits limits)
    : state_(std::make_shared<State>(limits)), scheduler_(&scheduler) {}

FakeTable::FakeTable(ManualScheduler& scheduler, FakeTableLimits limits)
    : state_(std::make_shared<State>(limits)), scheduler_(&scheduler), timeline_(&scheduler.timeline()) {}

FakeTable::~FakeTable() { state_->stop(); }

void FakeTable::fail_next(std::error_code error) { state_->add_failure({error, false}); }
void FakeTable::apply_and_fail_next(std::error_code error) { state_->add_failure({error, true}); }
std::size_t FakeTable::size() const { return state_->size(); }

template <typename Result, typename Handler, typename Work>
OperationId FakeTable::begin(Handler handler, Work work) {
  State::Operation operation = [handler = std::move(handler), work = std::move(work)](
                                   State& state, std::error_code error) mutable -> State::Answer {
    Result result{};
    if (!error) {
      const Failure failure = state.next_failure();
      if (!failure.error || failure.applies) error = work(state, result);
      if (failure.error) {
        error = failure.error;
        result = {};
      }
    }
    return [handler = std::move(handler), error, result = std::move(result)]() mutable {
      handler(error, std::move(result));
    };
  };
  if (scheduler_ == nullptr) return state_->run(std::move(operation));
  const OperationId id = state_->add(std::move(operation));
  scheduler_->post([state = state_, id] { state->complete(id, {}); });
  return id;
}

OperationId FakeTable::do_get(std::string_view key, const ReadOptions&, GetHandler handler) {
  return begin<std::optional<Entry>>(
      std::move(handler),
      [key = std::string(key)](const State& state, std::optional<Entry>& result) -> std::error_code {
        if (const auto error = state.check(key, {})) return error;
        result = state.read(key);
        return {};
      });
}

OperationId FakeTable::do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) {
  return begin<WriteResult>(
      std::move(handler),
      [kind = request.kind, key = std::string(request.key), value = std::string(request.value),
       precondition = options.precondition](State& state, WriteResult& result) -> std::error_code {
        if (const auto error = state.check(key, value)) return error;
        return state.write(kind, key, value, precondition, result);
      });
}

void FakeTable::do_cancel(OperationId operation) { state_->complete(operation, Errc::cancelled); }

void FakeTable::do_wait(Completion& completion) {
  if (timeline_ == nullptr) return completion.wait();
  const bool is_answered = timeline_->run_until([&] { return completion.is_done(); });
  DHT_ASSERT(is_answered);
}

}  // namespace dht::testing
