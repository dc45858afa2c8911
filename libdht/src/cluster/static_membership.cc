// StaticMembership: a cluster whose nodes and partitions never change.

#include <algorithm>
#include <utility>

#include <dht/error.h>
#include <dht/membership.h>

#include "base/assert.h"
#include "cluster/map_change.h"

namespace dht {
namespace {

ClusterMap even_map(ClusterId cluster, const ClusterSettings& settings, std::vector<NodeRecord> nodes) {
  DHT_ASSERT(cluster && !nodes.empty());
  std::sort(nodes.begin(), nodes.end(), [](const NodeRecord& a, const NodeRecord& b) { return a.id < b.id; });
  for (NodeRecord& node : nodes)
    node.state = NodeState::active;
  const NodeRecord& first = nodes.front();
  ClusterMap map = found_cluster(cluster, settings, first.id, first.name, first.address);
  map.nodes = std::move(nodes);
  // Neighbouring partitions on different nodes, each node within one of its even share.
  for (PartitionId partition = 0; partition < settings.partitions; ++partition) {
    map.partitions[partition].primary = map.nodes[partition % map.nodes.size()].id;
  }
  DHT_ASSERT(!violation(map));
  return map;
}

class StaticMembership final : public Membership {
 public:
  explicit StaticMembership(ClusterMap map) : map_(std::make_shared<const ClusterMap>(std::move(map))) {}

  void start(MembershipClient&) override {}
  void stop() override {}
  ClusterMapPtr map() const override { return map_; }
  MembershipView view() const override {
    MembershipView view;
    for (const NodeRecord& node : map_->nodes)
      view.members.push_back({.node = node.id, .alive = true});
    return view;
  }
  bool may_serve(Instant) const override { return true; }
  void report_within(Duration) override {}
  void heard_of(ClusterId, Revision) override {}
  void join(std::vector<PeerName>, JoinGoal, StatusHandler handler) override { handler(fixed()); }
  void leave(StatusHandler handler) override { handler(fixed()); }
  void leave_for_good(StatusHandler handler) override { handler(fixed()); }
  /// Nobody can take anything over, so nothing is to be waited for.
  void step_aside(StatusHandler handler) override { handler({}); }
  void fall_silent() override {}
  void forget(std::string, StatusHandler handler) override { handler(fixed()); }
  void recover(StatusHandler handler) override { handler(fixed()); }
  void on_request(const LinkInfo&, std::uint16_t, std::string) override {}
  void on_reply(const Peer&, std::uint16_t, std::string) override {}
  void on_broken(const Peer&, ConnectionId, std::error_code) override {}

 private:
  static Status fixed() {
    return {Errc::conflict,
            "the members of this cluster are a fixed list: nobody joins or leaves; nothing was changed"};
  }

  const ClusterMapPtr map_;
};

}  // namespace

std::unique_ptr<Membership> make_static_membership(ClusterId cluster, const ClusterSettings& settings,
                                                   std::vector<NodeRecord> nodes) {
  return std::make_unique<StaticMembership>(even_map(cluster, settings, std::move(nodes)));
}

}  // namespace dht
