// How an operation with a handler becomes one with an Asio completion token. Not for direct use: see dht/asio.h.
//
// Thread rule: a TokenCompletion is called once, from any thread. An OperationCanceller is used from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include <dht/table.h>

namespace dht::detail {

/// A cancelled write may have been done, so a wish for "cancelled without side effects" is not one we can grant.
inline constexpr asio::cancellation_type kWriteCancellation =
    asio::cancellation_type::terminal | asio::cancellation_type::partial;

/// Calls an Asio handler on its executor. Always by `post`: so never from inside the initiating call, and outside of
/// the table's own call chain, where a coroutine could not destroy the table.
template <typename Handler>
class TokenCompletion {
 public:
  explicit TokenCompletion(Handler handler) : handler_(std::move(handler)), work_(asio::make_work_guard(handler_)) {}

  template <typename... Results>
  void operator()(Results... results) {
    auto executor = work_.get_executor();
    asio::post(executor, [self = std::move(*this), values = std::make_tuple(std::move(results)...)]() mutable {
      self.invoke(std::move(values));
    });
  }

 private:
  template <typename Values>
  void invoke(Values values) {
    // The operation is over: from here on a cancellation must not reach the table, which may be gone.
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
    work_.reset();
    std::apply(std::move(handler_), std::move(values));
  }

  Handler handler_;
  asio::executor_work_guard<asio::associated_executor_t<Handler>> work_;
};

/// Carries a cancellation to the table, also one that comes before the operation's id is known.
class OperationCanceller {
 public:
  explicit OperationCanceller(Table& table) : table_(table) {}

  void started(OperationId id) {
    {
      std::lock_guard lock(mutex_);
      id_ = id;
      if (!requested_) return;
    }
    table_.cancel(id);
  }
  void cancel() {
    std::optional<OperationId> id;
    {
      std::lock_guard lock(mutex_);
      requested_ = true;
      id = id_;
    }
    if (id) table_.cancel(*id);
  }

 private:
  Table& table_;
  std::mutex mutex_;
  std::optional<OperationId> id_;
  bool requested_ = false;
};

/// Calls `start` with the completion.
template <typename Handler, typename Start>
void start_operation(Handler handler, Start start) {
  start(TokenCompletion<Handler>(std::move(handler)));
}

/// Calls `start`, which returns the operation's id, and lets the handler's cancellation slot cancel the operation for
/// the types in `obeyed`.
template <typename Handler, typename Start>
void start_operation(Table& table, Handler handler, asio::cancellation_type obeyed, Start start) {
  auto slot = asio::get_associated_cancellation_slot(handler);
  if (!slot.is_connected()) {
    start(TokenCompletion<Handler>(std::move(handler)));
    return;
  }
  auto canceller = std::make_shared<OperationCanceller>(table);
  slot.assign([canceller, obeyed](asio::cancellation_type type) {
    if ((type & obeyed) != asio::cancellation_type::none) canceller->cancel();
  });
  canceller->started(start(TokenCompletion<Handler>(std::move(handler))));
}

}  // namespace dht::detail
