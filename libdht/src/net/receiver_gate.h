// ReceiverGate: the only way from a connection to the transport's receiver. Once it has been closed nobody is inside,
// and nobody gets in.
//
// Thread rule: every method may be called from any thread; `close` not from inside.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

#include <dht/transport.h>

#include "base/assert.h"

namespace dht::net {

class ReceiverGate {
 public:
  /// The right to call the receiver, as long as it lives; or none.
  class Pass {
   public:
    explicit Pass(ReceiverGate& gate) : gate_(gate.enter() ? &gate : nullptr) {}
    ~Pass() {
      if (gate_ != nullptr) gate_->leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    /// False where the gate is closed or about to be: then make no further call.
    explicit operator bool() const noexcept { return gate_ != nullptr && gate_->is_open(); }
    TransportReceiver& receiver() const noexcept { return *gate_->receiver_; }

   private:
    ReceiverGate* gate_;
  };

  void open(TransportReceiver& receiver) {
    std::lock_guard lock(mutex_);
    DHT_ASSERT(receiver_ == nullptr);
    receiver_ = &receiver;
    open_ = !closed_;
  }
  bool is_open() const noexcept { return open_; }

  /// For good. Returns when no call is under way.
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    open_ = false;
    empty_.wait(lock, [this] { return inside_ == 0; });
  }

 private:
  bool enter() {
    std::lock_guard lock(mutex_);
    if (!open_) return false;
    ++inside_;
    return true;
  }
  void leave() {
    std::lock_guard lock(mutex_);
    --inside_;
    if (inside_ == 0) empty_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable empty_;
  TransportReceiver* receiver_ = nullptr;
  std::size_t inside_ = 0;
  bool closed_ = false;
  std::atomic<bool> open_ = false;  ///< written under the mutex
};

}  // namespace dht::net
