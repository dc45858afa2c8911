#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/testing/manual_scheduler.h>

#include "network_fixture.h"

namespace {

using namespace network_test;

TEST_CASE_FIXTURE(Fixture, "frames for a paused process wait for as long as it takes, and arrive in order") {
  exchange();
  network.pause(b.address());
  a.send(b.peer(), "1");
  timeline.run_for(1h);
  a.send(b.peer(), "2");
  timeline.run_for(1h);
  CHECK(a.log.empty());
  CHECK(b.log.empty());
  a.send(b.peer(), "3");
  network.resume(b.address());
  CHECK(b.log.empty());
  timeline.run_until_idle();
  CHECK(b.log == Log{"request 1", "request 2", "request 3"});
  CHECK(a.log == Log{"reply 1 of b", "reply 2 of b", "reply 3 of b"});
}

TEST_CASE_FIXTURE(Fixture, "what a paused process sent still arrives; the answers wait") {
  exchange();
  a.send(b.peer(), "1");
  network.pause(a.address());
  timeline.run_for(1h);
  CHECK(b.log == Log{"request 1"});
  CHECK(a.log.empty());
  network.resume(a.address());
  timeline.run_until_idle();
  CHECK(a.log == Log{"reply 1 of b"});
}

TEST_CASE_FIXTURE(Fixture, "a connection that was being closed when its paused acceptor crashed is no more") {
  exchange();
  network.pause(b.address());
  a.transport().disconnect(b.peer());
  timeline.run_for(100ms);  // the end of the connection has arrived there, and waits
  network.crash(b.address(), MemoryNetwork::Crash::machine);
  Recorder again(network, "b", 2);
  CHECK_FALSE(a.send(again.peer(), "1").error);
  timeline.run_for(10s);
  CHECK(again.log == Log{"request 1"});
}

TEST_CASE_FIXTURE(Fixture, "the queue for a paused process fills like any other") {
  MemoryNetwork narrow(timeline, 1, {.max_queued_bytes = 10});
  Recorder c(narrow, "c", 3);
  Recorder d(narrow, "d", 4);
  c.send(d.peer(), "1");
  timeline.run_until_idle();
  narrow.pause(d.address());
  CHECK_FALSE(c.send(d.peer(), "2345678").error);
  timeline.run_for(1h);
  CHECK(c.send(d.peer(), "9012").error == Errc::overloaded);
  narrow.resume(d.address());
  timeline.run_until_idle();
  CHECK_FALSE(c.send(d.peer(), "9012").error);
  timeline.run_until_idle();
  CHECK(d.log == Log{"request 1", "request 2345678", "request 9012"});
}

TEST_CASE_FIXTURE(Fixture, "nobody answers who would connect to a paused process") {
  network.pause(b.address());
  a.send(b.peer(), "x");
  SUBCASE("in vain: unreachable, and nothing of it arrives later") {
    timeline.run_for(490ms);
    CHECK(a.log.empty());
    timeline.run_for(20ms);
    CHECK(a.log == Log{"broken to b"});
    CHECK(a.reasons.at(0) == Errc::unreachable);
    network.resume(b.address());
    timeline.run_until_idle();
    CHECK(b.log.empty());
  }
  SUBCASE("unless it goes on in time") {
    timeline.run_for(400ms);
    network.resume(b.address());
    timeline.run_until_idle();
    CHECK(b.log == Log{"request x"});
    CHECK(a.log.empty());
  }
  SUBCASE("and the one who goes on in time may be somebody else") {
    timeline.run_for(400ms);
    b.move_to(ClusterId{2});
    network.resume(b.address());
    timeline.run_until_idle();
    CHECK(b.log.empty());
    CHECK(a.reasons == std::vector<std::error_code>{Errc::incompatible});
  }
}

TEST_CASE_FIXTURE(Fixture, "a process paused while it connects goes on where it was") {
  a.send(b.peer(), "x");
  network.pause(a.address());
  timeline.run_for(1h);
  CHECK(b.log.empty());
  network.resume(a.address());
  timeline.run_until_idle();
  CHECK(b.log == Log{"request x"});
  CHECK(a.log.empty());
}

TEST_CASE_FIXTURE(Fixture, "a break in the pause is told after it, and after what had arrived before the break") {
  exchange();
  network.pause(b.address());
  a.send(b.peer(), "1");
  a.send(b.peer(), "2");
  timeline.run_for(100ms);
  const auto log_after = [this] {
    timeline.run_for(1h);
    CHECK(b.log.empty());
    network.resume(b.address());
    timeline.run_until_idle();
    return b.log;
  };
  SUBCASE("links broken") {
    a.send(b.peer(), "on its way");
    network.break_connections(a.address(), b.address());
    CHECK(log_after() == Log{"request 1", "request 2", "closed from 1"});
  }
  SUBCASE("a cut outlasts patience") {
    network.cut(a.address(), b.address());
    a.send(b.peer(), "held back");
    timeline.run_for(1100ms);
    CHECK(a.log == Log{"broken to b"});
    CHECK(log_after() == Log{"request 1", "request 2", "closed from 1"});
  }
  SUBCASE("the peer crashes") {
    network.crash(a.address());
    CHECK(log_after() == Log{"request 1", "request 2", "closed from 1"});
  }
  SUBCASE("the peer stops in order") {
    a.send(b.peer(), "last words");
    a.transport().stop();
    CHECK(log_after() == Log{"request 1", "request 2", "request last words", "closed from 1"});
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "a paused opener is told of a break after its pause, and after the replies that had arrived") {
  exchange();
  a.send(b.peer(), "1");
  network.pause(a.address());
  timeline.run_for(100ms);
  network.crash(b.address());
  timeline.run_for(1h);
  CHECK(a.log.empty());
  network.resume(a.address());
  timeline.run_until_idle();
  CHECK(a.log == Log{"reply 1 of b", "broken to b"});
  CHECK(a.reasons == std::vector<std::error_code>{Errc::outcome_unknown});
}

TEST_CASE_FIXTURE(Fixture, "a pause between a break and its notice puts the notice off") {
  exchange();
  network.break_connections(a.address(), b.address());
  network.pause(a.address());
  network.pause(b.address());
  timeline.run_for(1h);
  CHECK(a.log.empty());
  CHECK(b.log.empty());
  network.resume(a.address());
  network.resume(b.address());
  timeline.run_until_idle();
  CHECK(a.log == Log{"broken to b"});
  CHECK(b.log == Log{"closed from 1"});
}

TEST_CASE_FIXTURE(Fixture, "a cut in the pause holds back what is sent in it, and not what had arrived") {
  exchange();
  network.pause(b.address());
  a.send(b.peer(), "before");
  timeline.run_for(100ms);
  network.cut(a.address(), b.address());
  a.send(b.peer(), "after");
  timeline.run_for(100ms);
  network.resume(b.address());
  timeline.run_for(100ms);
  CHECK(b.log == Log{"request before"});
  network.heal();
  timeline.run_until_idle();
  CHECK(b.log == Log{"request before", "request after"});
}

TEST_CASE_FIXTURE(Fixture, "after a pause a peer's new connection still closes its older one before it brings frames") {
  exchange();
  network.pause(b.address());
  for (const char* text : {"old 1", "old 2", "old 3"})
    a.send(b.peer(), text);
  timeline.run_for(100ms);
  network.crash(a.address(), MemoryNetwork::Crash::machine);
  network.set_latency(0ms, 0ms);
  Recorder again(network, "a", 1);
  again.send(b.peer(), "new");
  timeline.run_for(100ms);
  network.resume(b.address());
  timeline.run_until_idle();
  REQUIRE(b.log.size() >= 2);
  CHECK(b.log.back() == "request new");
  CHECK(b.log[b.log.size() - 2] == "closed from 1");
}

TEST_CASE_FIXTURE(Fixture, "requests that had arrived before a break are taken, whatever waits for the opener") {
  MemoryNetwork narrow(timeline, 1, {.max_queued_bytes = 10});
  Recorder c(narrow, "c", 3);
  Recorder d(narrow, "d", 4);
  c.send(d.peer(), "1");
  timeline.run_until_idle();
  c.send(d.peer(), "2");
  narrow.pause(c.address());
  narrow.pause(d.address());
  d.transport().reply(d.last_link.link, {7, "a long one"});
  timeline.run_for(100ms);
  narrow.break_connections(c.address(), d.address());
  narrow.resume(d.address());
  timeline.run_until_idle();
  CHECK(d.log == Log{"request 1", "request 2", "closed from 3"});
}

TEST_CASE_FIXTURE(Fixture, "a notice due at the very end of the pause comes after what had arrived") {
  exchange();
  network.set_latency(1ms, 1ms);
  network.pause(b.address());
  a.send(b.peer(), "1");
  timeline.run_for(100ms);
  testing::ManualScheduler other(timeline, 1);
  const auto timer = other.call_later(1ms, [this] { network.resume(b.address()); });
  network.break_connections(a.address(), b.address());
  timeline.run_until_idle();
  CHECK(b.log == Log{"request 1", "closed from 1"});
}

TEST_CASE_FIXTURE(Fixture, "a paused process that ends takes what waited for it along, and its peers notice") {
  exchange();
  network.pause(b.address());
  a.send(b.peer(), "x");
  timeline.run_for(100ms);
  SUBCASE("crashed") { network.crash(b.address()); }
  SUBCASE("stopped") { b.transport().stop(); }
  timeline.run_for(100ms);
  CHECK(a.log == Log{"broken to b"});
  network.resume(b.address());
  Recorder again(network, "b", 3);
  a.send(again.peer(), "y");
  timeline.run_until_idle();
  CHECK(b.log.empty());
  CHECK(again.log == Log{"request y"});
}

TEST_CASE_FIXTURE(Fixture, "a filter may pause the very node that a frame is for: it gets the frame afterwards") {
  exchange();
  int seen = 0;
  network.set_filter([&](const Address&, const Address& to, Lane, Frame frame) {
    if (frame.payload == "2" && to == b.address() && ++seen == 1) network.pause(to);
    return true;
  });
  a.send(b.peer(), "1");
  a.send(b.peer(), "2");
  REQUIRE(timeline.run_until([&] { return seen == 1; }));
  CHECK(b.log == Log{"request 1"});
  SUBCASE("whole") {
    a.send(b.peer(), "3");
    timeline.run_for(1h);
    network.resume(b.address());
    timeline.run_until_idle();
    CHECK(b.log == Log{"request 1", "request 2", "request 3"});
  }
  SUBCASE("broken meanwhile") {
    network.break_connections(a.address(), b.address());
    timeline.run_for(1h);
    network.resume(b.address());
    timeline.run_until_idle();
    CHECK(b.log == Log{"request 1", "request 2", "closed from 1"});
  }
  CHECK(seen == 1);
}

TEST_CASE_FIXTURE(Fixture, "what had arrived survives a break and another pause in the midst of its delivery") {
  exchange();
  network.pause(b.address());
  for (const char* text : {"1", "2", "3"})
    a.send(b.peer(), text);
  timeline.run_for(100ms);
  network.resume(b.address());
  REQUIRE(timeline.run_until([&] { return b.log.size() == 1; }));
  network.break_connections(a.address(), b.address());
  SUBCASE("a break") {}
  SUBCASE("a pause, too") {
    network.pause(b.address());
    timeline.run_for(1h);
    CHECK(b.log == Log{"request 1"});
    network.resume(b.address());
  }
  timeline.run_until_idle();
  CHECK(b.log == Log{"request 1", "request 2", "request 3", "closed from 1"});
}

}  // namespace
