#include "cluster/solitude.h"

#include <memory>
#include <utility>

#include "base/random_id.h"
#include "lease/rules.h"

namespace dht::cluster {

void stand_alone(Seats seats, Kept kept, StatusHandler done) {
  Member& member = seats.member;
  const ClusterMapPtr left = member.map();
  const auto cluster = base::random_id<ClusterId>(member.scheduler());
  const auto alone = std::make_shared<const ClusterMap>(
      found_cluster(cluster, left->settings, member.id(), member.options().name, member.options().address));
  seats.leader.vacate();
  member.become(alone);
  seats.voter.found(alone);
  seats.contact.begin();
  member.transport().set_identity({member.id(), cluster, member.options().address});
  member.client().stand_alone(alone, kept, [seats, alone, done = std::move(done)](Status status) mutable {
    // What the former cluster has left here is dropped when the node knows for good that it is its own.
    Keeper& keeper = seats.member.keeper();
    keeper.keep({seats.member.id(), alone, agreement::founder_of(alone)});
    keeper.when_durable([seats, alone, status = std::move(status), done = std::move(done)]() mutable {
      seats.member.client().on_standing_alone();
      seats.leader.take(alone, lease::length_of(alone->settings));
      seats.contact.send_soon();
      done(std::move(status));
    });
  });
}

}  // namespace dht::cluster
