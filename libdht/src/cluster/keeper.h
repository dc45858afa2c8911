// Keeper: what a node remembers of its membership over a restart, where its storage is durable: who it is, the newest
// map of its cluster, and what it has promised as a voter. One record, so that they always belong together.
//
// What changes is written at once, and while a write is under way the next one waits and then carries all that has come
// meanwhile. Where the storage keeps nothing, everything here is as if it were durable at once.
//
// Thread rule: the membership's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include <dht/cluster_map.h>
#include <dht/function.h>
#include <dht/scheduler.h>
#include <dht/storage.h>
#include <dht/types.h>

#include "agreement/acceptor.h"

namespace dht::cluster {

struct Remembered {
  NodeId id{};
  ClusterMapPtr map{};
  agreement::AcceptorState voter{};  ///< in the cluster of `map`
};

/// What a former run of the node has left there; nothing where there was none. Throws std::system_error with
/// Errc::corrupt where the record makes no sense.
std::optional<Remembered> recall(const Storage& storage);

class Keeper {
 public:
  /// Without a storage nothing is kept.
  Keeper(Storage* storage, Scheduler& strand);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  bool is_durable() const noexcept { return storage_ != nullptr; }
  /// The node founds a cluster, or has come into one.
  void keep(Remembered all);
  /// News of the cluster that is kept; of any other one it is passed over.
  void keep_map(const ClusterMapPtr& map);
  void keep_voter(const agreement::AcceptorState& voter);
  /// Runs `then` once all that was given so far is durable: at once, where it is.
  void when_durable(Function<void()> then);
  /// Nothing runs any more.
  void stop();

 private:
  void note_change();
  void write();
  void on_written(std::uint64_t version);

  Storage* const storage_;  ///< null where nothing is kept
  Scheduler& strand_;
  Remembered all_;
  std::uint64_t version_ = 0;  ///< counts the changes
  std::uint64_t durable_ = 0;
  bool is_writing_ = false;
  std::deque<std::pair<std::uint64_t, Function<void()>>> waiting_;  ///< in order of the versions that they wait for
  std::shared_ptr<bool> alive_;  ///< seen by what the storage tells when this object is gone
};

}  // namespace dht::cluster
