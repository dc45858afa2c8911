// Table: the contract that programs use. Write against it, and fake *it* in tests.
//
// Implementations: `Node` (dht/node.h), a member of a cluster; `testing::FakeTable`, one map in memory.
//
// Every operation comes in three forms: with a handler (below), blocking (throwing and with an error_code), and with
// Asio completion tokens (`async_get` and its like in dht/asio.h, so co_await and futures).
//
// Errors: not_applied, outcome_unknown (writes only), precondition_failed, too_large, overloaded, cancelled, stopped,
// invalid_argument, out_of_memory (puts only). What each says of the write is written at `Errc`.
//
// Thread rule: all methods may be called from any thread. A handler is called exactly once, on any thread, perhaps
// before the call that passed it returns, and never under a lock. Do not block in a handler, and do not destroy the
// table there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <dht/completion.h>
#include <dht/entry.h>
#include <dht/error.h>
#include <dht/function.h>

namespace dht {

/// Names one operation under way, for `cancel`. Zero names none.
using OperationId = std::uint64_t;

struct ReadOptions {
  std::chrono::milliseconds deadline{5000};  ///< retried inside it, refused past it
};

struct WriteOptions {
  std::chrono::milliseconds deadline{5000};
  Precondition precondition{};
};

using GetHandler = Function<void(std::error_code, std::optional<Entry>)>;
using WriteHandler = Function<void(std::error_code, WriteResult)>;

/// One write as it is passed to implementations. The views are valid during the call only.
struct WriteRequest {
  enum class Kind : std::uint8_t { put, erase };
  Kind kind = Kind::put;
  std::string_view key;
  std::string_view value;
};

class Table {
 public:
  virtual ~Table() = default;

  // With handlers. Key and value are copied where the call needs them after it returns.

  /// The entry, or nothing where the key does not exist.
  OperationId get(std::string_view key, GetHandler handler) { return do_get(key, {}, std::move(handler)); }
  OperationId get(std::string_view key, const ReadOptions& options, GetHandler handler) {
    return do_get(key, options, std::move(handler));
  }
  /// Inserts or overwrites, where the precondition holds.
  OperationId put(std::string_view key, std::string_view value, WriteHandler handler) {
    return put(key, value, {}, std::move(handler));
  }
  OperationId put(std::string_view key, std::string_view value, const WriteOptions& options, WriteHandler handler) {
    return do_write({WriteRequest::Kind::put, key, value}, options, std::move(handler));
  }
  /// Removes the entry, where the precondition holds. No error where there is none to remove.
  OperationId erase(std::string_view key, WriteHandler handler) { return erase(key, {}, std::move(handler)); }
  OperationId erase(std::string_view key, const WriteOptions& options, WriteHandler handler) {
    return do_write({WriteRequest::Kind::erase, key, {}}, options, std::move(handler));
  }
  /// A hint: these keys will be asked for at once, in this order. A table that has them in memory fetches what it needs
  /// for all of them together, so that they wait for memory once and not each in turn. Worth it from two keys on.
  void expect(std::span<const std::string_view> keys) { do_expect(keys); }
  /// Gives an operation up: its handler is called with `cancelled` (nothing was done) or, for a write that was on its
  /// way, `outcome_unknown`, unless it has been called already.
  void cancel(OperationId operation) { do_cancel(operation); }

  // Blocking: the calling thread waits. Not to be called from a thread that runs the table (a handler, or the only
  // thread of the program's own io_context): nobody would be left to answer.

  std::optional<Entry> get(std::string_view key, const ReadOptions& options = {});
  std::optional<Entry> get(std::string_view key, std::error_code& error) { return get(key, {}, error); }
  std::optional<Entry> get(std::string_view key, const ReadOptions& options, std::error_code& error);
  WriteResult put(std::string_view key, std::string_view value, const WriteOptions& options = {});
  WriteResult put(std::string_view key, std::string_view value, std::error_code& error) {
    return put(key, value, {}, error);
  }
  WriteResult put(std::string_view key, std::string_view value, const WriteOptions& options, std::error_code& error);
  WriteResult erase(std::string_view key, const WriteOptions& options = {});
  WriteResult erase(std::string_view key, std::error_code& error) { return erase(key, {}, error); }
  WriteResult erase(std::string_view key, const WriteOptions& options, std::error_code& error);
  /// Writes `value` where the entry still has the version `expected` (zero: where there is no entry). Whether it did.
  /// Throws for every other error.
  bool compare_and_set(std::string_view key, Version expected, std::string_view value);

 protected:
  virtual OperationId do_get(std::string_view key, const ReadOptions& options, GetHandler handler) = 0;
  virtual OperationId do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) = 0;
  virtual void do_cancel(OperationId operation) = 0;
  virtual void do_expect(std::span<const std::string_view> /*keys*/) {}
  /// How a blocking call waits for its answer: by default the thread sleeps; a table on virtual time runs that time
  /// instead until `completion.is_done()`.
  virtual void do_wait(Completion& completion) { completion.wait(); }
};

}  // namespace dht
