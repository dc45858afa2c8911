// RegisterHistory: what the users of one cluster's registers asked for and were told, and whether that can be true of
// one register (design: "The register"). It knows nothing of ballots and voters.
//
// What must hold: each revision has one map; each chosen map was made from the chosen map before it; a change that
// succeeded is among the chosen ones, one that was certainly not made is not; nothing that ends shows a state older
// than what had been shown when it began; and each operation ends once.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <dht/cluster_map.h>

namespace dht::testing {

class RegisterHistory {
 public:
  using OperationId = std::uint64_t;

  /// `first` is chosen from the start.
  explicit RegisterHistory(ClusterMapPtr first);

  OperationId begin();
  /// The operation makes `next` from `base`. Gives it with a mark that no other map has.
  ClusterMapPtr propose(OperationId operation, const ClusterMapPtr& base, ClusterMap next);
  void end_read(OperationId operation, std::error_code error, const ClusterMapPtr& newest);
  /// An error that says that nothing was changed must be true of all that the operation proposed.
  void end_change(OperationId operation, std::error_code error, const ClusterMapPtr& newest);
  /// Its user is gone: whatever it proposed may be chosen, or not.
  void abandon(OperationId operation) { running_.erase(operation); }

  /// The newest map that anybody was told to be chosen.
  const ClusterMapPtr& newest() const { return chosen_.rbegin()->second; }
  /// Some map that anybody was told to be chosen, `back` revisions or a few more ago.
  const ClusterMapPtr& older(Revision back) const;
  /// What can be chosen now or later: the newest map and the proposals that are not older.
  std::vector<ClusterMapPtr> open() const;

  std::uint64_t ended() const noexcept { return ended_; }
  std::uint64_t succeeded() const noexcept { return succeeded_; }
  /// The first thing that was wrong; empty where all was right.
  const std::string& fault() const noexcept { return fault_; }

 private:
  struct Running {
    Revision shown = 0;  ///< the newest revision that had been shown when it began
    std::vector<Epoch> marks{};
  };
  struct Proposal {
    ClusterMapPtr base{};
    ClusterMapPtr map{};
  };

  static Epoch mark_of(const ClusterMap& map) { return map.partitions[0].epoch; }
  Running end(OperationId operation);
  void show(const Running& running, const ClusterMapPtr& newest);
  void note_chosen(const ClusterMapPtr& map);
  void note_dead(Epoch mark);
  void fail(std::string what);

  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;
  std::uint64_t succeeded_ = 0;
  std::map<OperationId, Running> running_;
  Epoch last_mark_ = 1;
  std::map<Epoch, Proposal> proposals_;
  std::map<Revision, ClusterMapPtr> chosen_;  ///< as far as anybody was told
  std::set<Epoch> dead_;                      ///< marks of what was certainly not chosen
  Revision shown_ = 0;
  std::string fault_;
};

}  // namespace dht::testing
