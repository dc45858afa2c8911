// The learner's side of design.md 7, "Learner": pieces in order, acknowledged once the storage has them.
#include <doctest/doctest.h>

#include "base/hybrid_clock.h"
#include "support.h"

namespace dht::replica {
namespace {

using testing::Host;

constexpr wire::StreamId kStream{.partition = 0, .epoch = 3, .since = 5};

wire::StreamPiece piece(std::uint64_t index, std::vector<wire::Change> changes = {}, wire::StreamId stream = kStream) {
  return {.stream = stream,
          .index = index,
          .start = index == 1 ? wire::StreamStart::copy : wire::StreamStart::none,
          .seq = index,
          .last_version = index,
          .merges = {},
          .changes = std::move(changes)};
}
wire::Change put(std::string key, std::string value) {
  return {StorageChange::Kind::put, std::move(key), std::move(value), 1, {}};
}

wire::StreamAck last_ack(Host& host) {
  REQUIRE_FALSE(host.acks.empty());
  const auto ack = host.acks.back();
  host.acks.clear();
  return ack;
}
bool refuses(Host& host, wire::StreamPiece bad) {
  const auto stream = bad.stream;
  host.on_piece(std::move(bad));
  const auto ack = last_ack(host);
  return ack.refused && ack.stream == stream;
}

}  // namespace

TEST_CASE("pieces are applied and acknowledged in order") {
  Host learner;
  learner.on_piece(piece(1));
  CHECK(last_ack(learner) == wire::StreamAck{kStream, 1, false});
  learner.on_piece(piece(2, {put("a", "1")}));
  CHECK(last_ack(learner).index == 2);
  learner.on_piece(piece(3, {put("a", "2"), {StorageChange::Kind::erase, "b", "", 0, {}}}));
  CHECK(last_ack(learner).index == 3);
  CHECK(learner.value("a") == "2");
  CHECK(learner.replica().epoch() == kStream.epoch);
  CHECK(learner.replica().since() == kStream.since);
  CHECK(learner.replica().last_version() == 3);
}

TEST_CASE("a gap, an unknown stream and index zero are refused, and what was applied stays") {
  Host learner;
  CHECK(refuses(learner, piece(2)));
  learner.on_piece(piece(1, {put("a", "1")}));
  CHECK(refuses(learner, piece(3, {put("a", "3")})));
  CHECK(refuses(learner, piece(0)));
  CHECK(refuses(learner, piece(2, {}, {0, 3, 6})));
  CHECK(refuses(learner, piece(1, {}, {1, 9, 9})));
  CHECK(learner.value("a") == "1");
  learner.on_piece(piece(2, {put("a", "2")}));
  CHECK(last_ack(learner).index == 2);
}

TEST_CASE("a piece that comes twice is applied once") {
  Host learner;
  learner.on_piece(piece(1));
  learner.on_piece(piece(2, {put("a", "1")}));
  learner.on_piece(piece(3, {put("a", "2")}));
  learner.on_piece(piece(2, {put("a", "1")}));
  CHECK(last_ack(learner) == wire::StreamAck{kStream, 3, false});
  CHECK(learner.value("a") == "2");
}

TEST_CASE("a newer stream begins anew with an empty storage, an older one is refused") {
  Host learner;
  learner.on_piece(piece(1, {put("old", "1")}));
  CHECK(refuses(learner, piece(1, {}, {0, 3, 4})));
  CHECK(refuses(learner, piece(1, {}, {0, 2, 9})));
  CHECK(learner.value("old") == "1");
  learner.on_piece(piece(1, {put("new", "1")}, {0, 3, 6}));
  CHECK(learner.value("old") == "(none)");
  CHECK(learner.value("new") == "1");
  learner.on_piece(piece(1, {}, {0, 4, 1}));
  CHECK(learner.entries().empty());
  CHECK(refuses(learner, piece(2)));
}

TEST_CASE("a learner knows whose stream it follows while a former primary still sends (seed 94631)") {
  Host learner;
  learner.on_piece(piece(1));
  CHECK(learner.replica().follows(kStream));
  const wire::StreamId newer{0, 4, 6};
  learner.on_piece(piece(1, {}, newer));
  CHECK(refuses(learner, piece(2)));
  CHECK(learner.replica().follows(newer));
  CHECK_FALSE(learner.replica().follows(kStream));
}

TEST_CASE("changes that make no sense are refused and not applied") {
  Host learner;
  learner.on_piece(piece(1));
  auto bad = piece(2, {put("a", "1"), put("", "1")});
  CHECK(refuses(learner, bad));
  bad = piece(2, {put("a", "1")});
  bad.last_version = base::HybridClock::kLimit;
  CHECK(refuses(learner, bad));
  CHECK(learner.entries().empty());
}

TEST_CASE("a slow storage is asked for one piece after the other, and acknowledged as it completes") {
  Host learner;
  learner.disk.slow = true;
  learner.on_piece(piece(1, {put("a", "0")}));
  learner.on_piece(piece(2, {put("a", "1")}));
  learner.on_piece(piece(3));
  CHECK(learner.acks.empty());
  learner.disk.complete();  // the drop
  CHECK(learner.acks.empty());
  learner.disk.complete();
  CHECK(last_ack(learner).index == 1);
  learner.disk.complete();
  CHECK(last_ack(learner).index == 3);
  CHECK(learner.value("a") == "1");
}

TEST_CASE("a storage that fails ends the stream, and a newer one heals it") {
  for (const bool slow : {false, true}) {
    CAPTURE(slow);
    Host learner;
    learner.on_piece(piece(1));
    learner.disk.slow = slow;
    learner.disk.error = Errc::corrupt;
    learner.on_piece(piece(2, {put("a", "1")}));
    learner.disk.error = {};
    learner.disk.complete_all();
    CHECK(last_ack(learner) == wire::StreamAck{kStream, 1, true});
    CHECK(refuses(learner, piece(3, {put("a", "2")})));
    learner.on_piece(piece(1, {}, {0, 3, 6}));
    learner.disk.complete_all();
    CHECK_FALSE(last_ack(learner).refused);
  }
}

TEST_CASE("what is with the storage when a newer stream begins is not acknowledged, and forgotten") {
  for (const int completed : {0, 1}) {  // the drop of the old stream's first piece, or its changes
    CAPTURE(completed);
    Host learner;
    learner.disk.slow = true;
    learner.on_piece(piece(1, {put("old", "1")}));
    for (int i = 0; i < completed; ++i)
      learner.disk.complete();
    const wire::StreamId newer{0, 3, 6};
    learner.on_piece(piece(1, {put("new", "1")}, newer));
    learner.disk.complete_all();
    REQUIRE(learner.acks.size() == 1);
    CHECK(learner.acks.front() == wire::StreamAck{newer, 1, false});
    CHECK(learner.value("old") == "(none)");
    CHECK(learner.value("new") == "1");
  }
}

TEST_CASE("a serving primary follows nobody") {
  Host primary;
  primary.serve(1);
  primary.put("a", "1");
  CHECK(refuses(primary, piece(1)));
  CHECK(primary.replica().is_serving());
  CHECK(primary.value("a") == "1");
}

}  // namespace dht::replica
