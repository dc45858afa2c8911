#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/memory_network.h>

#include "network_fixture.h"

namespace {

using namespace network_test;

TEST_CASE_FIXTURE(Fixture, "frames of one connection arrive in order, replies too, and never inside the call") {
  b.echo = true;
  Log requests;
  Log replies;
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(a.send(b.peer(), std::to_string(i)).error);
    requests.push_back("request " + std::to_string(i));
    replies.push_back("reply " + std::to_string(i) + " of b");
  }
  CHECK(b.log.empty());
  CHECK(timeline.run_until_idle());
  CHECK(b.log == requests);
  CHECK(a.log == replies);
}

TEST_CASE_FIXTURE(Fixture, "the acceptor knows who opened the connection, and for which cluster") {
  a.send(b.peer(), "x", Lane::replication);
  timeline.run_until_idle();
  CHECK(b.last_link.node == NodeId{1});
  CHECK(b.last_link.cluster == ClusterId{1});
  CHECK(b.last_link.lane == Lane::replication);
  CHECK(b.last_link.link != 0);
}

TEST_CASE_FIXTURE(Fixture, "lanes are separate connections") {
  a.send(b.peer(), "x", Lane::request);
  timeline.run_until_idle();
  const LinkId first = b.last_link.link;
  a.send(b.peer(), "y", Lane::control);
  timeline.run_until_idle();
  CHECK(b.last_link.link != first);
}

TEST_CASE_FIXTURE(Fixture, "where nobody listens the sender is told: unreachable") {
  a.send({Address{"nobody", 1}, {}, {}}, "x");
  CHECK(a.log.empty());
  timeline.run_until_idle();
  CHECK(a.log == Log{"broken to nobody"});
  CHECK(a.reasons.at(0) == Errc::unreachable);
}

TEST_CASE_FIXTURE(Fixture,
                  "another node or cluster than the one meant refuses: incompatible, and nothing is delivered") {
  a.send({b.address(), ClusterId{9}, {}}, "x");
  a.send({b.address(), {}, NodeId{9}}, "y");
  timeline.run_until_idle();
  CHECK(b.log.empty());
  REQUIRE(a.reasons.size() == 2);
  CHECK(a.reasons[0] == Errc::incompatible);
  CHECK(a.reasons[1] == Errc::incompatible);
}

TEST_CASE_FIXTURE(Fixture, "a guest is let in by any node") {
  a.send({b.address(), {}, {}}, "x");
  timeline.run_until_idle();
  CHECK(b.log == Log{"request x"});
  CHECK_FALSE(b.last_link.cluster);
}

TEST_CASE_FIXTURE(Fixture, "connections that exist outlive a change of identity; new ones are held to the new one") {
  exchange();
  const Peer before = b.peer();
  b.move_to(ClusterId{2});
  a.send(before, "y");
  a.send(before, "z", Lane::control);
  timeline.run_until_idle();
  CHECK(b.log == Log{"request y"});
  CHECK(a.reasons == std::vector<std::error_code>{Errc::incompatible});
}

TEST_CASE_FIXTURE(Fixture, "a node's new connection closes its older one of that lane before it brings frames") {
  exchange();
  network.crash(a.address(), MemoryNetwork::Crash::machine);
  Recorder again(network, "a", 1);
  again.send(b.peer(), "new");
  timeline.run_until_idle();
  CHECK(b.log == Log{"closed from 1", "request new"});
}

TEST_CASE_FIXTURE(Fixture, "disconnect closes once everything queued has been sent") {
  a.send(b.peer(), "x");
  a.send(b.peer(), "y");
  a.transport().disconnect(b.peer());
  timeline.run_until_idle();
  CHECK(b.log == Log{"request x", "request y", "closed from 1"});
  CHECK(a.log == Log{"broken to b"});
  a.send(b.peer(), "z");
  timeline.run_until_idle();
  CHECK(b.log.back() == "request z");
}

TEST_CASE_FIXTURE(Fixture, "each frame's connection is named by send, and by the break that ends it") {
  const ConnectionId first = a.send(b.peer(), "1").connection;
  CHECK(first != 0);
  CHECK(a.send(b.peer(), "2").connection == first);
  CHECK(a.send(b.peer(), "3", Lane::control).connection != first);
  a.transport().disconnect(b.peer());
  const ConnectionId second = a.send(b.peer(), "4").connection;
  CHECK(second != first);
  timeline.run_until_idle();
  REQUIRE(a.broken.size() == 2);
  CHECK((a.broken[0] == first || a.broken[1] == first));
  network.break_connections(a.address(), b.address());
  CHECK(a.send(b.peer(), "5").connection == second);
  timeline.run_until_idle();
  CHECK(a.broken.back() == second);
}

TEST_CASE_FIXTURE(Fixture, "connections closed and opened again in one breath follow each other") {
  Log expected;
  for (int i = 0; i < 5; ++i) {
    a.send(b.peer(), std::to_string(i));
    a.transport().disconnect(b.peer());
    expected.insert(expected.end(), {"request " + std::to_string(i), "closed from 1"});
  }
  timeline.run_until_idle();
  CHECK(b.log == expected);
  CHECK(a.log == Log(5, "broken to b"));
}

TEST_CASE_FIXTURE(Fixture, "close_link closes once the replies have been sent") {
  exchange();
  b.transport().reply(b.last_link.link, {7, "bye"});
  b.transport().close_link(b.last_link.link);
  timeline.run_until_idle();
  CHECK(a.log == Log{"reply bye of b", "broken to b"});
  CHECK(b.log == Log{"closed from 1"});
}

TEST_CASE_FIXTURE(Fixture, "a reply over a link that is gone is dropped") {
  exchange();
  network.break_connections(a.address(), b.address());
  timeline.run_until_idle();
  a.log.clear();
  CHECK_FALSE(b.transport().reply(b.last_link.link, {7, "late"}));
  timeline.run_until_idle();
  CHECK(a.log.empty());
}

TEST_CASE_FIXTURE(Fixture, "a transport that has not been started sends nothing and is not reached") {
  const auto idle = network.make_transport({"idle", 1});
  CHECK(idle->send(a.peer(), Lane::control, {7, "x"}).error == Errc::stopped);
  a.send({Address{"idle", 1}, {}, {}}, "x");
  timeline.run_until_idle();
  CHECK(a.reasons == std::vector<std::error_code>{Errc::unreachable});
}

TEST_CASE_FIXTURE(Fixture, "a full queue refuses, except for a single frame, and takes more when it has emptied") {
  MemoryNetwork narrow(timeline, 1, {.max_queued_bytes = 10});
  Recorder c(narrow, "c", 3);
  Recorder d(narrow, "d", 4);
  CHECK_FALSE(c.send(d.peer(), std::string(100, 'x')).error);
  CHECK(c.send(d.peer(), "y").error == Errc::overloaded);
  CHECK_FALSE(c.send(d.peer(), "y", Lane::control).error);
  timeline.run_until_idle();
  CHECK_FALSE(c.send(d.peer(), "y").error);
}

TEST_CASE_FIXTURE(Fixture, "a frame over the limit is refused") {
  const std::string large(kMaxFramePayload + 1, 'x');
  CHECK(a.send(b.peer(), large).error == Errc::too_large);
}

TEST_CASE_FIXTURE(Fixture, "a node can talk to itself, and stop while it does") {
  a.echo = true;
  a.send(a.peer(), "x");
  timeline.run_until_idle();
  CHECK(a.log == Log{"request x", "reply x of a"});
  a.send(a.peer(), "y");
  a.transport().stop();
  timeline.run_until_idle();
  CHECK(a.log.size() == 2);
}

TEST_CASE("the same seed gives the same events at the same times, another seed gives others") {
  const auto play = [](std::uint64_t seed) {
    Timeline timeline;
    MemoryNetwork network(timeline, seed);
    Recorder a(network, "a", 1);
    Recorder b(network, "b", 2);
    b.echo = true;
    std::vector<std::pair<Instant, std::size_t>> events;
    for (int i = 0; i < 20; ++i) {
      a.send(b.peer(), "x", static_cast<Lane>(i % 3));
    }
    while (timeline.run_one())
      events.emplace_back(timeline.now(), a.log.size() + b.log.size());
    return events;
  };
  CHECK(play(1) == play(1));
  CHECK(play(1) != play(2));
}

}  // namespace
