// design.md 7, "Learner": chunks of a scan between live writes on one ordered lane; counted before it is reported
// level; answers when all that count have the write; a read waits for the writes of its key pending when it arrived.
#include <doctest/doctest.h>

#include "support.h"

namespace dht::replica {
namespace {

using testing::deliver;
using testing::Host;
using testing::kLearner;

/// Small chunks, so that a handful of entries makes many.
constexpr ReplicaOptions kSmall{.chunk_bytes = 10, .window_bytes = 100};

/// A primary of epoch 1 and its learner, level.
struct Pair {
  Host primary{kSmall};
  Host learner{kSmall};

  Pair() {
    primary.serve(1);
    primary.put("a", "0");
    primary.configure({{kLearner, 5}});
    deliver(primary, learner);
    REQUIRE(primary.replica().report().level.size() == 1);
  }
  /// Lets the learner apply and acknowledge everything.
  void settle() { deliver(primary, learner); }
};

wire::StreamAck ack(const wire::StreamPiece& piece) { return {piece.stream, piece.index, false}; }

}  // namespace

TEST_CASE("a stream brings an empty learner level, in chunks inside the window") {
  Host primary(kSmall);
  Host learner(kSmall);
  primary.serve(1);
  for (int i = 0; i < 50; ++i)
    primary.put("key" + std::to_string(i), "value");
  primary.configure({{kLearner, 5}});
  CHECK(primary.pieces.size() < 10);  // the window is full
  CHECK(primary.replica().report().level.empty());
  deliver(primary, learner);
  CHECK(primary.replica().report().level == std::vector<LearnerRecord>{{kLearner, 5}});
  CHECK(learner.entries() == primary.entries());
  CHECK(learner.replica().epoch() == 1);
  CHECK(learner.replica().since() == 5);
  CHECK(learner.replica().last_version() == primary.replica().last_version());
}

TEST_CASE("a copy goes on when it is given a chunk, and asks for no more than one at a time") {
  Host primary(kSmall);
  Host learner(kSmall);
  primary.serve(1);
  for (int i = 0; i < 10; ++i)
    primary.put("key" + std::to_string(i), "value");
  primary.gives_chunks = false;
  primary.configure({{kLearner, 5}});
  for (int round = 0; round < 3; ++round) {
    deliver(primary, learner);
    CHECK(learner.entries().size() == 2 * static_cast<std::size_t>(round));
    REQUIRE(primary.chunk_asks.size() == 1);
    const auto ask = primary.chunk_asks.front();
    primary.chunk_asks.pop_front();
    primary.give_chunk(ask);
  }
  primary.put("late", "value");  // and live writes do not wait for any of that
  deliver(primary, learner);
  CHECK(learner.value("late") == "value");
  CHECK(primary.replica().report().level.empty());
}

TEST_CASE("a chunk for a stream that has ended meanwhile is not given") {
  Host primary(kSmall);
  primary.serve(1);
  primary.put("key", "value");
  primary.gives_chunks = false;
  primary.configure({{kLearner, 5}});
  REQUIRE(primary.chunk_asks.size() == 1);
  const auto ask = primary.chunk_asks.front();
  SUBCASE("the map names the learner no longer") { primary.configure({}); }
  SUBCASE("the map names it anew") { primary.configure({{kLearner, 6}}); }
  SUBCASE("the connection broke") { primary.on_follower_unreachable(kLearner); }
  primary.pieces.clear();
  primary.give_chunk(ask);
  CHECK(primary.pieces.empty());
}

TEST_CASE("the windows of all moves to a node leave room in the queue of its connection") {
  constexpr std::size_t kMoves = 64;
  constexpr std::size_t kQueueBytes = 64u * 1024 * 1024;
  Host primary;
  primary.serve(1);
  for (int i = 0; i < 100; ++i)
    primary.put("key" + std::to_string(i), std::string(16 * 1024, 'v'));
  primary.configure({{kLearner, 5}});
  std::size_t bytes = 0;
  for (const Effects::Piece& sent : primary.pieces)
    bytes += sent.piece.changes.size() * 16 * 1024;
  CHECK(kMoves * bytes < kQueueBytes * 2 / 3);
}

TEST_CASE("piece 1 carries all merge marks and the clock") {
  Host primary;
  primary.serve(1);
  primary.merge({.joiner = NodeId{3}, .from = ClusterId{4}, .number = 1, .changes = {}});
  primary.put("a", "1");
  primary.configure({{kLearner, 5}});
  const auto& first = primary.pieces.front().piece;
  CHECK(first.index == 1);
  CHECK(first.merges == std::vector<wire::MergeMark>{{NodeId{3}, 1}});
  CHECK(first.last_version == primary.replica().last_version());
}

TEST_CASE("a partition without entries makes its learner level with its beginning and its end") {
  Host primary;
  Host learner;
  primary.serve(1, {{kLearner, 1}});
  CHECK(primary.pieces.size() == 2);
  deliver(primary, learner);
  CHECK(primary.replica().report().level.size() == 1);
}

TEST_CASE("live writes are sent past the window, chunks are not") {
  Host primary(kSmall);
  primary.serve(1);
  for (int i = 0; i < 50; ++i)
    primary.put("key" + std::to_string(i), "value");
  primary.configure({{kLearner, 5}});
  const std::size_t in_window = primary.pieces.size();
  for (int i = 0; i < 20; ++i)
    CHECK(primary.put("live", std::to_string(i))->is_there());  // the learner is not counted yet
  CHECK(primary.pieces.size() == in_window + 20);
  primary.on_ack(kLearner, ack(primary.pieces.front().piece));
  CHECK(primary.pieces.size() == in_window + 20);
  primary.on_ack(kLearner, ack(primary.pieces.back().piece));
  CHECK(primary.pieces.size() > in_window + 20);
}

TEST_CASE("a write is answered when every counted learner has it") {
  Pair pair;
  const auto put = pair.primary.put("a", "1");
  CHECK_FALSE(put->is_there());
  pair.settle();
  CHECK_FALSE(put->error());
  CHECK(pair.learner.value("a") == "1");
}

TEST_CASE("a read waits for the writes of its key that were pending when it arrived, and for no later ones") {
  Pair pair;
  const auto other = pair.primary.get("b");
  CHECK(other->is_there());
  const auto first = pair.primary.put("a", "1");
  const auto read = pair.primary.get("a");
  const auto second = pair.primary.put("a", "2");
  CHECK(pair.primary.get("b")->is_there());
  CHECK_FALSE(read->is_there());
  pair.primary.on_ack(kLearner, ack(pair.primary.pieces.front().piece));
  CHECK(first->is_there());
  REQUIRE(read->is_there());
  CHECK(read->outcome.entry->value.view() == "1");
  CHECK_FALSE(second->is_there());
}

TEST_CASE("an outcome that tells of a pending write waits for it") {
  Pair pair;
  const auto erase = pair.primary.erase("a");
  const auto failed = pair.primary.put("a", "1", Precondition::present());
  const auto nothing_to_erase = pair.primary.erase("a");
  const auto absent = pair.primary.get("a");
  CHECK_FALSE(failed->is_there());
  CHECK_FALSE(nothing_to_erase->is_there());
  CHECK_FALSE(absent->is_there());
  pair.settle();
  CHECK(erase->outcome.result.existed);
  CHECK(failed->error() == Errc::precondition_failed);
  CHECK_FALSE(nothing_to_erase->outcome.result.existed);
  CHECK_FALSE(absent->outcome.entry);
}

TEST_CASE("erasing what is not there changes nothing and is sent to nobody") {
  Pair pair;
  CHECK(pair.primary.erase("absent")->is_there());
  CHECK(pair.primary.pieces.empty());
}

TEST_CASE(
    "a learner is counted once it has acknowledged the scan, and reported level once it has what was sent by then") {
  Host primary;
  primary.serve(1);
  primary.put("a", "0");
  primary.configure({{kLearner, 5}});
  REQUIRE(primary.pieces.size() == 3);       // piece 1, the whole scan, and that it ends
  CHECK(primary.put("a", "1")->is_there());  // it may never answer
  primary.on_ack(kLearner, ack(primary.pieces[0].piece));
  CHECK(primary.replica().report().level.empty());
  const int reports = primary.reports;
  primary.on_ack(kLearner, ack(primary.pieces[2].piece));
  const auto put = primary.put("a", "2");
  CHECK_FALSE(put->is_there());
  CHECK(primary.replica().report().level.empty());  // it lacks what was answered before it counted
  primary.on_ack(kLearner, ack(primary.pieces[3].piece));
  CHECK(primary.replica().report().level.size() == 1);
  CHECK(primary.reports > reports);
  CHECK_FALSE(put->is_there());
  primary.on_ack(kLearner, ack(primary.pieces[4].piece));
  CHECK(put->is_there());
}

TEST_CASE("a learner that has acknowledged everything when the scan ends is level at once") {
  Host primary({.chunk_bytes = 1, .window_bytes = 1});
  Host learner;
  primary.serve(1);
  primary.configure({{kLearner, 5}});
  deliver(primary, learner);
  CHECK(primary.replica().report().level.size() == 1);
  primary.stop(1);
  CHECK(primary.replica().report().stopped);
}

TEST_CASE("a counted learner that is lost holds writes back until a newer map no longer names it") {
  Pair pair;
  const auto put = pair.primary.put("a", "1");
  pair.primary.on_follower_unreachable(kLearner);
  const auto report = pair.primary.replica().report();
  CHECK(report.level.empty());
  CHECK(report.lost == std::vector<LearnerRecord>{{kLearner, 5}});
  pair.primary.pieces.clear();
  const auto next = pair.primary.put("b", "1");
  CHECK(pair.primary.pieces.empty());  // nothing is sent any more
  pair.primary.configure({{kLearner, 5}});
  CHECK_FALSE(put->is_there());
  pair.primary.configure({});
  CHECK(put->is_there());
  CHECK(next->is_there());
  CHECK(pair.primary.replica().report().lost.empty());
}

TEST_CASE("a refused piece, or an acknowledgement of what was never sent, loses the learner") {
  for (const wire::StreamAck& bad : {wire::StreamAck{{0, 1, 5}, 0, true}, wire::StreamAck{{0, 1, 5}, 1000, false}}) {
    Pair pair;
    pair.primary.on_ack(kLearner, bad);
    CHECK(pair.primary.replica().report().lost.size() == 1);
  }
}

TEST_CASE("acknowledgements of other streams are passed over") {
  Pair pair;
  const auto put = pair.primary.put("a", "1");
  for (const wire::StreamId other : {wire::StreamId{0, 1, 4}, wire::StreamId{0, 2, 5}}) {
    pair.primary.on_ack(kLearner, {other, 1000, false});
    pair.primary.on_ack(kLearner, {other, 0, true});
  }
  pair.primary.on_ack(NodeId{99}, {{0, 1, 5}, 1000, false});
  CHECK_FALSE(put->is_there());
  CHECK(pair.primary.replica().report().level.size() == 1);
}

TEST_CASE("the same node named with another revision gets a new stream from the beginning") {
  Pair pair;
  pair.primary.on_follower_unreachable(kLearner);
  pair.primary.configure({{kLearner, 8}});
  pair.primary.put("b", "1");
  pair.settle();
  CHECK(pair.primary.replica().report().level == std::vector<LearnerRecord>{{kLearner, 8}});
  CHECK(pair.learner.entries() == pair.primary.entries());
}

TEST_CASE("writes wait for every one of several learners") {
  constexpr NodeId kSecond{8};
  Host primary;
  Host learner;
  Host second;
  primary.serve(1, {{kLearner, 1}, {kSecond, 1}});
  for (auto& [to, piece] : std::exchange(primary.pieces, {}))
    primary.on_ack(to, ack(piece));
  const auto put = primary.put("a", "1");
  REQUIRE(primary.pieces.size() == 2);
  primary.on_ack(primary.pieces[0].follower, ack(primary.pieces[0].piece));
  CHECK_FALSE(put->is_there());
  primary.on_ack(primary.pieces[1].follower, ack(primary.pieces[1].piece));
  CHECK(put->is_there());
}

TEST_CASE("a merge and a drop of copies are answered when every counted learner has them") {
  Pair pair;
  const ClusterId theirs{4};
  const auto merged = pair.primary.merge({NodeId{3}, theirs, 1, {{StorageChange::Kind::put, "m", "1", 9, theirs}}});
  const auto again = pair.primary.merge({NodeId{3}, theirs, 1, {}});
  const auto dropped = pair.primary.drop_copies(theirs);
  CHECK_FALSE(merged->is_there());
  CHECK_FALSE(again->is_there());
  CHECK_FALSE(dropped->is_there());
  pair.settle();
  CHECK_FALSE(merged->error());
  CHECK_FALSE(again->error());
  CHECK_FALSE(dropped->error());
  CHECK(pair.learner.value("m") == "(none)");
}

TEST_CASE("with a slow storage a chunk is read alone: a write neither overtakes it nor is overtaken") {
  Host primary;
  Host learner;
  primary.serve(1);
  primary.put("a", "0");
  primary.disk.slow = true;
  const auto before = primary.put("a", "1");
  primary.configure({{kLearner, 5}});  // the chunk waits for the write that is with the storage
  const auto after = primary.put("a", "2");
  CHECK(primary.disk.waiting() == 1);
  primary.disk.complete();  // reads for the first write
  primary.disk.complete();  // the first write is applied
  CHECK(before->is_there());
  CHECK(primary.disk.waiting() == 1);  // the chunk, alone
  primary.disk.complete();
  CHECK(primary.disk.waiting() == 1);  // the second write
  primary.disk.complete_all();
  deliver(primary, learner);
  CHECK(after->is_there());
  CHECK(learner.value("a") == "2");
}

TEST_CASE("a scan that fails loses the learner, and nobody else") {
  Host primary;
  primary.serve(1);
  primary.put("a", "0");
  primary.disk.error = Errc::corrupt;
  primary.configure({{kLearner, 5}});
  CHECK(primary.replica().report().lost.size() == 1);
  primary.disk.error = {};
  CHECK(primary.put("a", "1")->is_there());
}

TEST_CASE("a chunk that comes for a learner no longer named is passed over") {
  Host primary;
  primary.serve(1);
  primary.put("a", "0");
  primary.disk.slow = true;
  primary.configure({{kLearner, 5}});
  primary.configure({});
  primary.pieces.clear();
  primary.disk.complete_all();
  CHECK(primary.pieces.empty());
  const auto get = primary.get("a");
  primary.disk.complete_all();
  CHECK(get->is_there());
}

}  // namespace dht::replica
