// Calls: the handlers of the calls on one partition that are under way, until they are called or the partition goes.
//
// Thread rule: may be used from any thread. A handler is called on the thread that completes it; `close` waits for it,
// and is not called inside one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <variant>

#include <dht/storage.h>

namespace dht::rocks {

class Calls {
 public:
  using Number = std::uint64_t;

  template <typename Result>
  Number add(Function<void(Result)> later) {
    const std::lock_guard lock(mutex_);
    handlers_.emplace(++last_, std::move(later));
    return last_;
  }

  /// Calls the handler, unless the partition has gone.
  template <typename Result>
  void complete(Number call, Result result) {
    std::unique_lock lock(mutex_);
    auto node = handlers_.extract(call);
    if (!node) return;
    ++running_;
    lock.unlock();
    if (auto& later = std::get<Function<void(Result)>>(node.mapped())) later(std::move(result));
    node = {};
    lock.lock();
    if (--running_ == 0) idle_.notify_all();
  }

  /// Drops all handlers uncalled, and waits for those that are being called.
  void close() {
    std::unordered_map<Number, Handler> dropped;
    std::unique_lock lock(mutex_);
    dropped.swap(handlers_);
    idle_.wait(lock, [this] { return running_ == 0; });
    lock.unlock();
  }

 private:
  using Handler = std::variant<StorageReadHandler, StorageWriteHandler, StorageScanHandler>;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::unordered_map<Number, Handler> handlers_;
  Number last_ = 0;
  unsigned running_ = 0;
};

}  // namespace dht::rocks
