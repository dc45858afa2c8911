// CopyPacer: when a node goes on with the copies that it gives to learners. One chunk is given at a time, and twice
// what it took is left to clients before the next: so a node that moves partitions spends a third of its loop's time on
// that, at most, and no request waits for more than one chunk.
//
// Thread rule: `wake` from any thread; the rest happens on the strand.
#pragma once

#include <atomic>
#include <memory>

#include <dht/function.h>
#include <dht/scheduler.h>

namespace dht::node {

class CopyPacer {
 public:
  /// `give_chunk` is false where no copy waits for its next chunk. The strand outlives the pacer, and runs none of its
  /// tasks afterwards.
  CopyPacer(Scheduler& strand, Function<bool()> give_chunk);
  CopyPacer(const CopyPacer&) = delete;
  CopyPacer& operator=(const CopyPacer&) = delete;

  /// A copy waits for its next chunk.
  void wake();

 private:
  void go_on();

  Scheduler& strand_;
  Function<bool()> give_chunk_;
  std::atomic<bool> is_awake_ = false;  ///< `go_on` will be called
  std::unique_ptr<Scheduler::Timer> timer_;
};

}  // namespace dht::node
