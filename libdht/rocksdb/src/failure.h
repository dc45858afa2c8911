// Failure: whether the storage has failed as a whole, why, and who wants to know.
//
// The first failure counts and is final: what a disk holds after it refused a write is not known, so nothing is tried
// again.
//
// Thread rule: may be used from any thread. The handler runs on a thread of its own, so that whoever finds the failure
// may hold any lock; or inside `set_handler`, where the failure came first.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <rocksdb/status.h>

#include <dht/function.h>

namespace dht::rocks {

/// The code that stands for that status.
std::error_code code_of(const rocksdb::Status& status) noexcept;

class Failure {
 public:
  explicit Failure(std::string directory) : directory_(std::move(directory)) {}
  /// Waits for the handler.
  ~Failure();
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;

  /// The storage has failed. `what` is what could not be done, as in "cannot ...".
  void fail(const rocksdb::Status& status, std::string_view what);
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  /// What every call gives once it has failed.
  std::error_code code() const noexcept;

  /// As `Storage::on_failure`.
  void set_handler(Function<void(std::string)> handler);

 private:
  std::string sentence_for(const rocksdb::Status& status, std::string_view what) const;
  void tell();

  const std::string directory_;
  std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;
  std::condition_variable told_;
  std::error_code code_;
  std::string sentence_;
  Function<void(std::string)> handler_;
  std::thread::id telling_;  ///< the thread that is inside a handler
  std::thread teller_;
};

}  // namespace dht::rocks
