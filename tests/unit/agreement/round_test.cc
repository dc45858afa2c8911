#include "agreement/round.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "agreement/acceptor.h"
#include "maps.h"

namespace dht::testing {

namespace {

using namespace agreement;
using State = Round::State;
using wire::CallKind;
using Numbers = std::set<std::uint64_t>;

/// Nodes 1 to 9 as voters, who answer a round at once or are out of its reach.
class Voters {
 public:
  Voters() {
    for (std::uint64_t k = 1; k <= 9; ++k)
      acceptors_.emplace(NodeId{k}, Acceptor(NodeId{k}, AcceptorState{.cluster = kCluster}));
  }

  void put(std::uint64_t voter, wire::Ballot at, ClusterMapPtr map) {
    acceptors_.at(NodeId{voter}) =
        Acceptor(NodeId{voter}, {.cluster = kCluster, .promised = at, .accepted = at, .map = std::move(map)});
  }
  void promise(std::uint64_t voter, wire::Ballot at) {
    AcceptorState state = acceptors_.at(NodeId{voter}).state();
    state.promised = at;
    acceptors_.at(NodeId{voter}) = Acceptor(NodeId{voter}, state);
  }
  const AcceptorState& state(std::uint64_t voter) const { return acceptors_.at(NodeId{voter}).state(); }

  wire::VoterReply answer(const VoterAsk& ask) {
    Acceptor& acceptor = acceptors_.at(ask.request.voter);
    const auto answer =
        ask.kind == CallKind::prepare ? acceptor.prepare(ask.request) : acceptor.accept(ask.request, ask.map);
    return answer.reply.value();
  }

  /// Who was asked what, in the order of asking.
  std::vector<std::pair<CallKind, std::uint64_t>> run(Round& round, const Numbers& reachable) {
    std::vector<std::pair<CallKind, std::uint64_t>> asked;
    for (auto asks = round.take_asks(); !asks.empty(); asks = round.take_asks()) {
      for (const VoterAsk& ask : asks) {
        const NodeId voter = ask.request.voter;
        asked.emplace_back(ask.kind, voter.value);
        if (reachable.contains(voter.value)) {
          round.on_reply(voter, ask.kind, answer(ask));
        } else {
          round.on_no_answer(voter, ask.kind);
        }
      }
    }
    return asked;
  }

 private:
  std::map<NodeId, Acceptor> acceptors_;
};

const Numbers kAll = {1, 2, 3, 4, 5, 6, 7, 8, 9};

Round::Change change_to(ClusterMapPtr next) {
  return [next = std::move(next)](const ClusterMapPtr& newest) {
    return newest->revision + 1 == next->revision ? next : nullptr;
  };
}

Round read_from(const ClusterMapPtr& known, wire::Ballot at = ballot(20)) { return Round(at, known, false, nullptr); }
Round change_from(const ClusterMapPtr& known, ClusterMapPtr next, wire::Ballot at = ballot(20)) {
  return Round(at, known, false, change_to(std::move(next)));
}

std::size_t accepts(const std::vector<std::pair<CallKind, std::uint64_t>>& asked) {
  std::size_t count = 0;
  for (const auto& [kind, voter] : asked)
    count += kind == CallKind::accept;
  return count;
}

}  // namespace

TEST_CASE("5: a read that finds nothing newer than the known map writes nothing") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  voters.put(1, ballot(5), known);
  voters.put(2, ballot(4), known);
  Round round = read_from(known);
  const auto asked = voters.run(round, {1, 3});
  CHECK(round.state() == State::unchanged);
  CHECK(round.chosen() == known);
  CHECK(accepts(asked) == 0);
  CHECK(voters.state(1).promised == ballot(20));
}

TEST_CASE("5: the known map is changed at once, and the change is chosen when a majority has accepted it") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  const ClusterMapPtr next = map_of(4, {1, 2, 3});
  for (const std::uint64_t voter : {1u, 2u, 3u})
    voters.put(voter, ballot(5), known);
  Round round = change_from(known, next);
  for (const VoterAsk& ask : round.take_asks())
    round.on_reply(ask.request.voter, ask.kind, voters.answer(ask));
  CHECK(round.proposes_change());
  const auto asks = round.take_asks();
  REQUIRE(asks.size() == 3);
  CHECK(asks[0].map == next);
  CHECK(asks[0].directory == next);
  round.on_reply(NodeId{1}, CallKind::accept, voters.answer(asks[0]));
  CHECK(round.state() == State::running);
  round.on_reply(NodeId{2}, CallKind::accept, voters.answer(asks[1]));
  CHECK(round.state() == State::changed);
  CHECK(round.chosen() == next);
}

TEST_CASE("5: a map not known to be chosen is written back unchanged, by reads and changes alike") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  const ClusterMapPtr newest = map_of(4, {1, 2, 3});
  for (const std::uint64_t voter : {2u, 3u})
    voters.put(voter, ballot(5), known);
  voters.put(1, ballot(6), newest);
  Round round = read_from(known);
  SUBCASE("read") {}
  SUBCASE("change") { round = change_from(known, map_of(5, {1, 2, 3})); }
  voters.run(round, {1, 2});
  CHECK(round.state() == State::written_back);
  CHECK(round.chosen() == newest);
  CHECK_FALSE(round.proposes_change());
  CHECK(voters.state(2).map == newest);
  CHECK(voters.state(2).accepted == ballot(20));
}

TEST_CASE("5: a map is known to be chosen where a majority accepted it at one ballot") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  const ClusterMapPtr newest = map_of(4, {1, 2, 3});
  const ClusterMapPtr next = map_of(5, {1, 2, 3});
  voters.put(1, ballot(6), newest);
  SUBCASE("at one ballot it is, and is changed at once") {
    voters.put(2, ballot(6), newest);
    Round round = change_from(known, next);
    voters.run(round, {1, 2});
    CHECK(round.state() == State::changed);
    CHECK(round.chosen() == next);
  }
  SUBCASE("or read without writing") {
    voters.put(2, ballot(6), newest);
    Round round = read_from(known);
    CHECK(accepts(voters.run(round, {1, 2})) == 0);
    CHECK(round.state() == State::unchanged);
    CHECK(round.chosen() == newest);
  }
  SUBCASE("at two ballots it is not") {
    voters.put(2, ballot(7), newest);
    Round round = change_from(known, next);
    voters.run(round, {1, 2});
    CHECK(round.state() == State::written_back);
  }
  SUBCASE("a majority of the old voters alone is not enough while they change") {
    const ClusterMapPtr both = map_of(4, {1, 2, 3}, {4, 5, 6});
    voters.put(1, ballot(7), both);
    voters.put(2, ballot(7), both);
    voters.put(4, ballot(7), both);
    Round round = change_from(known, map_of(5, {4, 5, 6}));
    voters.run(round, {1, 2, 4, 5});
    CHECK(round.state() == State::written_back);
    CHECK(round.chosen() == both);
  }
}

TEST_CASE("5: of two unchosen maps the one of the higher ballot is written back") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  const ClusterMapPtr newer = map_of(4, {1, 2, 3}, {}, 2);
  voters.put(1, ballot(6), map_of(4, {1, 2, 3}, {}, 1));
  voters.put(2, ballot(7), newer);
  Round round = read_from(known);
  voters.run(round, {1, 2});
  CHECK(round.state() == State::written_back);
  CHECK(round.chosen() == newer);
}

TEST_CASE("5: a voter whose map was outvoted is given the newest one in its place (seed 3018220)") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  voters.put(1, ballot(6), map_of(4, {1, 2, 3}, {}, 2));
  voters.put(2, ballot(7), known);
  voters.put(3, ballot(7), known);

  SUBCASE("by a read") {
    Round round = read_from(known);
    CHECK(accepts(voters.run(round, {1, 2})) == 1);
    CHECK(round.state() == State::unchanged);
    CHECK(round.chosen() == known);
    CHECK(voters.state(1).map == known);
    CHECK(voters.state(1).accepted == ballot(20));
    CHECK(voters.state(2).accepted == ballot(7));
  }
  SUBCASE("by a change that comes too late") {
    Round round = change_from(known, map_of(6, {1, 2, 3}));
    CHECK(accepts(voters.run(round, {1, 2})) == 1);
    CHECK(round.state() == State::unchanged);
    CHECK(voters.state(1).map == known);
  }
  SUBCASE("and the round has ended whether it answers or not") {
    Round round = read_from(known);
    for (const VoterAsk& ask : round.take_asks())
      if (ask.request.voter != NodeId{3}) round.on_reply(ask.request.voter, ask.kind, voters.answer(ask));
    CHECK(round.state() == State::unchanged);
    const auto asks = round.take_asks();
    REQUIRE(asks.size() == 1);
    CHECK(asks[0].request.voter == NodeId{1});
    round.on_no_answer(NodeId{1}, CallKind::accept);
    CHECK(round.state() == State::unchanged);
    CHECK(round.chosen() == known);
  }
}

TEST_CASE("5: from a majority of the voters of old the chain leads to the present") {
  Voters voters;
  const ClusterMapPtr oldest = map_of(3, {1, 2, 3});
  const ClusterMapPtr change1 = map_of(4, {1, 2, 3}, {4, 5, 6});
  const ClusterMapPtr change2 = map_of(6, {4, 5, 6}, {7});
  const ClusterMapPtr present = map_of(7, {7});
  voters.put(1, ballot(5), change1);
  voters.put(2, ballot(5), change1);
  voters.put(3, ballot(4), oldest);
  voters.put(4, ballot(6), change2);
  voters.put(5, ballot(6), change2);
  voters.put(6, ballot(5), change1);
  voters.put(7, ballot(7), present);
  SUBCASE("where all are there") {
    Round round = read_from(oldest);
    voters.run(round, kAll);
    CHECK(round.state() == State::unchanged);
    CHECK(round.chosen() == present);
  }
  SUBCASE("where a majority of each is there") {
    Round round = change_from(oldest, map_of(8, {7}));
    voters.run(round, {1, 3, 4, 6, 7});
    CHECK(round.state() == State::changed);
    CHECK(voters.state(7).map->revision == 8);
  }
  SUBCASE("but not without the voters in between, or the present one") {
    for (const Numbers& reachable : {Numbers{1, 2, 3, 4, 7}, Numbers{1, 2, 3, 4, 5, 6}, Numbers{1, 4, 5, 6, 7}}) {
      Round round = read_from(oldest);
      voters.run(round, reachable);
      CHECK(round.state() == State::failed);
    }
  }
}

TEST_CASE("5: new voters are named only after a majority of them has promised") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  const ClusterMapPtr next = map_of(4, {1, 2, 3}, {3, 4, 5});
  for (const std::uint64_t voter : {1u, 2u, 3u})
    voters.put(voter, ballot(5), known);
  SUBCASE("they do") {
    Round round = change_from(known, next);
    const auto asked = voters.run(round, {1, 3, 4});
    CHECK(round.state() == State::changed);
    CHECK(voters.state(4).promised == ballot(20));
    CHECK(accepts(asked) == 5);
  }
  SUBCASE("they do not answer: nothing is proposed") {
    Round round = change_from(known, next);
    const auto asked = voters.run(round, {1, 2, 3});
    CHECK(round.state() == State::failed);
    CHECK(accepts(asked) == 0);
    CHECK(voters.state(1).map == known);
  }
  SUBCASE("one of them has accepted something newer, which comes first") {
    const ClusterMapPtr other = map_of(4, {1, 2, 3}, {4, 5, 6});
    voters.put(4, ballot(8), other);
    Round round = change_from(known, next);
    voters.run(round, {1, 2, 3, 4, 5});
    CHECK(round.state() == State::written_back);
    CHECK(round.chosen() == other);
  }
}

TEST_CASE("5: a change of voters is chosen by majorities of both, its end by the new ones alone") {
  Voters voters;
  const ClusterMapPtr both = map_of(4, {1, 2, 3}, {4, 5, 6});
  for (std::uint64_t voter = 1; voter <= 6; ++voter)
    voters.put(voter, ballot(5), both);
  SUBCASE("the next map must be promised by both") {
    Round round = change_from(both, map_of(5, {4, 5, 6}));
    voters.run(round, {1, 4, 5, 6});
    CHECK(round.state() == State::failed);
  }
  SUBCASE("and is accepted by the new ones") {
    Round round = change_from(both, map_of(5, {4, 5, 6}));
    const auto asked = voters.run(round, {1, 2, 4, 5});
    CHECK(round.state() == State::changed);
    CHECK(accepts(asked) == 3);
    CHECK(voters.state(1).map == both);
  }
  SUBCASE("a map with both must be accepted by both") {
    Round round = change_from(both, map_of(5, {1, 2, 3}, {4, 5, 6}));
    for (const VoterAsk& ask : round.take_asks())
      round.on_reply(ask.request.voter, ask.kind, voters.answer(ask));
    voters.run(round, {1, 2, 3, 4});
    CHECK(round.state() == State::failed);
  }
}

TEST_CASE("5: a higher ballot ends the round, in either phase") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  for (const std::uint64_t voter : {1u, 2u, 3u})
    voters.put(voter, ballot(5), known);
  Round round = change_from(known, map_of(4, {1, 2, 3}));
  SUBCASE("promise") { voters.promise(1, ballot(20, 2)); }
  SUBCASE("accept") {
    for (const VoterAsk& ask : round.take_asks())
      round.on_reply(ask.request.voter, ask.kind, voters.answer(ask));
    voters.promise(1, ballot(20, 2));
  }
  voters.run(round, {1, 2, 3});
  CHECK(round.state() == State::outbid);
  CHECK(round.chosen() == nullptr);
  CHECK(round.take_asks().empty());
}

TEST_CASE("5: answers to phase 1 that come late count for nothing in phase 2") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  for (const std::uint64_t voter : {1u, 2u, 3u})
    voters.put(voter, ballot(5), known);
  Round round = change_from(known, map_of(4, {1, 2, 3}));
  const auto asks = round.take_asks();
  round.on_reply(NodeId{1}, CallKind::prepare, voters.answer(asks[0]));
  round.on_reply(NodeId{2}, CallKind::prepare, voters.answer(asks[1]));
  REQUIRE(round.proposes_change());
  SUBCASE("a promise is no acceptance") {
    for (const VoterAsk& ask : asks)
      round.on_reply(ask.request.voter, CallKind::prepare, voters.answer(ask));
    CHECK(round.state() == State::running);
  }
  SUBCASE("silence then is none now") {
    round.on_no_answer(NodeId{3}, CallKind::prepare);
    CHECK(round.take_asks().size() == 3);
    round.on_no_answer(NodeId{1}, CallKind::accept);
    CHECK(round.state() == State::running);
    round.on_no_answer(NodeId{2}, CallKind::accept);
    CHECK(round.state() == State::failed);
  }
}

TEST_CASE("what makes no sense is no answer") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3});
  for (const std::uint64_t voter : {1u, 2u, 3u})
    voters.put(voter, ballot(6), map_of(4, {1, 2, 3}));
  Round round = read_from(known);
  std::vector<wire::VoterReply> replies;
  for (const VoterAsk& ask : round.take_asks())
    replies.push_back(voters.answer(ask));
  SUBCASE("a newer map that does not come along") {
    for (wire::VoterReply& reply : replies)
      reply.map = nullptr;
  }
  SUBCASE("another map than the one it speaks of") {
    for (wire::VoterReply& reply : replies)
      reply.map = map_of(5, {1, 2, 3});
  }
  SUBCASE("a promise of another ballot") {
    for (wire::VoterReply& reply : replies)
      reply.promised = ballot(7);
  }
  SUBCASE("voters that have all forgotten the known map") {
    for (wire::VoterReply& reply : replies)
      reply = {.yes = true, .promised = ballot(20)};
  }
  for (std::uint64_t k = 1; k <= 3; ++k)
    round.on_reply(NodeId{k}, CallKind::prepare, replies[k - 1]);
  CHECK(round.state() == State::failed);
}

TEST_CASE("6: an election learns the age of the last confirmation, the shortest among those who made it chosen") {
  Voters voters;
  const ClusterMapPtr known = map_of(3, {1, 2, 3, 4, 5});
  for (std::uint64_t voter = 1; voter <= 5; ++voter)
    voters.put(voter, ballot(5), known);
  Round round(ballot(20), known, true, change_to(map_of(4, {1, 2, 3, 4, 5})));
  for (const VoterAsk& ask : round.take_asks()) {
    CHECK(ask.request.election);
    round.on_reply(ask.request.voter, ask.kind, voters.answer(ask));
  }
  const std::optional<std::uint64_t> ages[] = {70, std::nullopt, 40, 10, std::nullopt};
  for (const VoterAsk& ask : round.take_asks()) {
    CHECK(ask.request.election);
    wire::VoterReply reply = voters.answer(ask);
    reply.confirmed_ms_ago = ages[ask.request.voter.value - 1];
    round.on_reply(ask.request.voter, ask.kind, reply);
  }
  CHECK(round.state() == State::changed);
  CHECK(round.confirmed_ms_ago() == 40);
}

}  // namespace dht::testing
