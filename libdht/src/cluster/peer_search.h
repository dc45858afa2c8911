// PeerSearch: greets the peers of a join list and finds the cluster to join (design: "Join").
//
// A peer may be this node itself under another address: then it answers with this node's own cluster of one, and is
// passed over.
//
// Thread rule: the membership's strand.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

#include <dht/membership.h>

#include "cluster/member.h"

namespace dht::cluster {

/// Of two clusters that are to become one by the nodes of one moving to the other, the one that stays: that of more
/// members, or of as many and the smaller id.
bool is_preferred(const ClusterMap& cluster, const ClusterMap& over) noexcept;

class PeerSearch {
 public:
  struct Result {
    /// The cluster to join; null where there is none.
    ClusterMapPtr cluster{};
    bool is_busy = false;  ///< the peer that answered is itself joining a cluster
    /// The newest map of this node's own cluster that a peer has; null where no peer is another member of it.
    ClusterMapPtr home{};
    std::string unreached{};  ///< which peers did not answer, and why, for a person
  };
  /// The only error is Errc::stopped.
  using Handler = Function<void(std::error_code, Result)>;

  explicit PeerSearch(Member& member) : member_(member) {}

  /// One search at a time; at least one peer.
  void start(const std::vector<PeerName>& peers, JoinGoal goal, Handler handler);

 private:
  struct Greeting {
    ClusterMapPtr map{};
    bool is_busy = false;
    std::string failure{};
  };

  void greet(std::size_t index);
  void on_greeted(std::size_t index, std::error_code error, const wire::Answer& answer);
  bool is_self(const ClusterMap& map) const;
  void finish(std::error_code error);

  Member& member_;
  std::vector<PeerName> peers_;
  JoinGoal goal_ = JoinGoal::one_peer;
  std::vector<Greeting> greetings_;  ///< in the order of the peers
  std::size_t outstanding_ = 0;
  Handler handler_;
};

}  // namespace dht::cluster
