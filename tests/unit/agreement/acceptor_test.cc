#include "agreement/acceptor.h"

#include <optional>

#include <doctest/doctest.h>

#include "maps.h"

namespace dht::testing {

namespace {

using namespace agreement;

/// A request to voter 1.
wire::VoterRequest request(wire::Ballot ballot, Revision known = 0) {
  return {.cluster = kCluster, .voter = NodeId{1}, .ballot = ballot, .known = known};
}

Acceptor newcomer() { return Acceptor(NodeId{1}, AcceptorState{.cluster = kCluster}); }

}  // namespace

TEST_CASE("5: a voter promises a ballot that is not lower than any before, and says which is") {
  struct Row {
    wire::Ballot promised;
    wire::Ballot asked;
    bool yes;
  };
  const Row rows[] = {
      {ballot(0, 0, 0), ballot(1), true},
      {ballot(5), ballot(4), false},
      {ballot(5), ballot(5), true},
      {ballot(5), ballot(6), true},
      {ballot(5, 2), ballot(5, 1), false},
      {ballot(5, 2), ballot(5, 3), true},
      {ballot(5, 2, 7), ballot(5, 2, 6), false},
      {ballot(5, 2, 7), ballot(5, 2, 8), true},
      {ballot(5), {}, false},
      {{}, {}, false},
  };
  for (const Row& row : rows) {
    Acceptor acceptor(NodeId{1}, {.cluster = kCluster, .promised = row.promised});
    const auto reply = acceptor.prepare(request(row.asked)).reply;
    REQUIRE(reply);
    CHECK(reply->yes == row.yes);
    CHECK(reply->promised == (row.yes ? row.asked : row.promised));
    CHECK(acceptor.state().promised == reply->promised);
  }
}

TEST_CASE("5: a voter accepts at a ballot that is not lower than its promise, which it thereby raises") {
  Acceptor acceptor = newcomer();
  const ClusterMapPtr first = map_of(4, {1, 2, 3}, {3, 4, 5});
  const ClusterMapPtr other = map_of(4, {1, 2, 3});
  acceptor.prepare(request(ballot(5)));
  CHECK_FALSE(acceptor.accept(request(ballot(4)), first).reply->yes);
  CHECK(acceptor.state().map == nullptr);

  wire::VoterReply reply = acceptor.accept(request(ballot(6)), first).reply.value();
  CHECK(reply.yes);
  CHECK(reply.promised == ballot(6));
  CHECK(reply.accepted == ballot(6));
  CHECK(reply.revision == 4);
  CHECK(reply.generation == 1);
  CHECK(reply.voters == first->voters);
  CHECK(reply.next_voters == first->next_voters);
  CHECK(reply.map == nullptr);

  reply = acceptor.accept(request(ballot(5)), other).reply.value();
  CHECK_FALSE(reply.yes);
  CHECK(reply.promised == ballot(6));
  CHECK(acceptor.state().map == first);
  CHECK_FALSE(acceptor.prepare(request(ballot(5))).reply->yes);
  CHECK(acceptor.accept(request(ballot(7)), other).reply->yes);
  CHECK(acceptor.state().map == other);
}

TEST_CASE("5: a promise brings the accepted map where the proposer does not know it") {
  Acceptor acceptor = newcomer();
  const ClusterMapPtr map = map_of(4, {1, 2, 3});
  CHECK(acceptor.prepare(request(ballot(1))).reply->map == nullptr);
  acceptor.accept(request(ballot(1)), map);
  CHECK(acceptor.prepare(request(ballot(2), 3)).reply->map == map);
  CHECK(acceptor.prepare(request(ballot(3), 4)).reply->map == nullptr);
  CHECK(acceptor.prepare(request(ballot(3), 4)).reply->revision == 4);
  CHECK(acceptor.prepare(request(ballot(2), 3)).reply->map == nullptr);  // no promise
}

TEST_CASE("5: a voter refuses what names another cluster or another node, or comes before it has a cluster") {
  Acceptor acceptor = newcomer();
  wire::VoterRequest wrong = request(ballot(9));
  SUBCASE("another cluster") { wrong.cluster = ClusterId{5}; }
  SUBCASE("another node") { wrong.voter = NodeId{2}; }
  SUBCASE("none") {
    acceptor = Acceptor(NodeId{1});
    wrong.cluster = {};
  }
  CHECK(acceptor.prepare(wrong).error == Errc::incompatible);
  CHECK(acceptor.accept(wrong, map_of(4, {1})).error == Errc::incompatible);
  CHECK_FALSE(acceptor.state().promised);
  CHECK(acceptor.state().map == nullptr);
}

TEST_CASE("5: a voter refuses maps that are unsound, of another cluster or with other settings") {
  Acceptor acceptor = newcomer();
  acceptor.accept(request(ballot(1)), map_of(3, {1}));
  ClusterMap wrong = *map_of(4, {1});
  std::optional<Errc> expected = Errc::incompatible;
  SUBCASE("another cluster") { wrong.cluster = ClusterId{5}; }
  SUBCASE("other settings") { wrong.settings.lease_ms = 500; }
  SUBCASE("unsound") {
    wrong.voters = {NodeId{99}};
    expected = Errc::corrupt;
  }
  CHECK(acceptor.accept(request(ballot(2)), share(wrong)).error == expected);
  CHECK(acceptor.accept(request(ballot(2)), nullptr).error == Errc::corrupt);
  CHECK(acceptor.state().accepted == ballot(1));
}

TEST_CASE("5: the founder of a cluster has accepted its first map") {
  const ClusterMapPtr map = map_of(1, {1});
  Acceptor founder(NodeId{1}, founder_of(map));
  CHECK(founder.state().map == map);
  CHECK(founder.prepare(request(ballot(1))).reply->yes);
  CHECK_FALSE(founder.prepare(request(founder_of(map).accepted)).reply->yes);
}

// It may be the very node that was a voter before it left: what it promised and accepted then is forgotten.
TEST_CASE("5: a newcomer answers no proposer whose map is older than its coming, and accepts no such map") {
  Acceptor newcomer(NodeId{1}, newcomer_to(*map_of(7, {2, 3, 4})));
  CHECK(newcomer.prepare(request(ballot(1), 6)).error == Errc::conflict);
  CHECK(newcomer.accept(request(ballot(1), 6), map_of(7, {1, 2, 3})).error == Errc::conflict);
  CHECK_FALSE(newcomer.state().promised);
  CHECK(newcomer.prepare(request(ballot(2), 7)).reply->yes);
  CHECK(newcomer.accept(request(ballot(2), 6), map_of(8, {1, 2, 3})).reply->yes);
}

}  // namespace dht::testing
