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

TEST_CASE_FIXTURE(Fixture, "broken connections lose what is on its way, tell both ends once, and can be opened again") {
  exchange();
  a.send(b.peer(), "lost");
  network.break_connections(b.address(), a.address());
  a.send(b.peer(), "lost too, since a does not know yet");
  timeline.run_until_idle();
  CHECK(a.log == Log{"broken to b"});
  CHECK(a.reasons == std::vector<std::error_code>{Errc::outcome_unknown});
  CHECK(b.log == Log{"closed from 1"});
  a.log.clear();
  b.log.clear();
  exchange();
}

TEST_CASE_FIXTURE(Fixture, "stop ends like a process in order: what it sent arrives, then peers see the break") {
  exchange();
  b.transport().reply(b.last_link.link, {7, "last words"});
  a.send(b.peer(), "too late");
  b.transport().stop();
  CHECK(b.transport().reply(b.last_link.link, {7, "x"}) == Errc::stopped);
  CHECK(b.send(a.peer(), "x").error == Errc::stopped);
  timeline.run_until_idle();
  CHECK(a.log == Log{"reply last words of b", "broken to b"});
  CHECK(b.log.empty());
  a.send(b.peer(), "anybody there?");
  timeline.run_until_idle();
  CHECK(a.reasons.back() == Errc::unreachable);
}

TEST_CASE_FIXTURE(Fixture, "peers of a crashed process notice at once, those of a crashed machine when they send") {
  exchange();
  SUBCASE("process") {
    network.crash(b.address());
    timeline.run_for(10ms);
    CHECK(a.log == Log{"broken to b"});
  }
  SUBCASE("machine") {
    network.crash(b.address(), MemoryNetwork::Crash::machine);
    timeline.run_for(1h);
    CHECK(a.log.empty());
    a.send(b.peer(), "y");
    timeline.run_for(900ms);
    CHECK(a.log.empty());
    timeline.run_for(200ms);
    CHECK(a.log == Log{"broken to b"});
    a.send(b.peer(), "z");
    timeline.run_for(400ms);
    CHECK(a.reasons.size() == 1);
    timeline.run_until_idle();
    CHECK(a.reasons.back() == Errc::unreachable);
  }
  CHECK(b.log.empty());
  CHECK(b.send(a.peer(), "x").error == Errc::stopped);
}

TEST_CASE_FIXTURE(Fixture, "a machine that came back knows nothing of its predecessor's connections") {
  exchange();
  network.crash(b.address(), MemoryNetwork::Crash::machine);
  a.send(b.peer(), "for the dead");
  timeline.run_for(10ms);
  Recorder again(network, "b", 3);
  timeline.run_for(20ms);
  CHECK(a.log == Log{"broken to b"});
  CHECK(again.log.empty());
}

TEST_CASE_FIXTURE(Fixture, "a cut holds frames back; healed in time they arrive in order") {
  exchange();
  network.cut(a.address(), b.address());
  a.send(b.peer(), "1");
  a.send(b.peer(), "2");
  timeline.run_for(900ms);
  CHECK(b.log.empty());
  network.heal(b.address(), a.address());
  timeline.run_until_idle();
  CHECK(b.log == Log{"request 1", "request 2"});
  CHECK(a.log == Log{"reply 1 of b", "reply 2 of b"});
}

TEST_CASE_FIXTURE(Fixture, "a cut that lasts breaks the connections that try, the sender's end first") {
  exchange();
  network.cut(a.address(), b.address());
  a.send(b.peer(), "1");
  timeline.run_for(1010ms);
  CHECK(a.log == Log{"broken to b"});
  CHECK(b.log.empty());
  timeline.run_for(1100ms);
  CHECK(b.log == Log{"closed from 1"});
  a.send(b.peer(), "2");
  timeline.run_for(600ms);
  CHECK(a.reasons.back() == Errc::unreachable);
}

TEST_CASE_FIXTURE(Fixture, "a one-way cut lets requests in and no reply out") {
  exchange();
  network.cut_one_way(b.address(), a.address());
  a.send(b.peer(), "1");
  timeline.run_until_idle();
  CHECK(b.log == Log{"request 1", "closed from 1"});
  CHECK(a.log == Log{"broken to b"});
  b.log.clear();
  a.send(b.peer(), "2");
  timeline.run_until_idle();
  CHECK(a.reasons.back() == Errc::unreachable);
  CHECK(b.log == Log{"closed from 1"});
}

TEST_CASE_FIXTURE(Fixture, "one direction between two nodes can be slow, until it is healed") {
  exchange();
  network.slow_one_way(b.address(), a.address(), 100ms);
  a.send(b.peer(), "1");
  timeline.run_for(100ms);
  CHECK(b.log == Log{"request 1"});
  CHECK(a.log.empty());
  network.heal(a.address(), b.address());
  timeline.run_for(10ms);
  CHECK(a.log == Log{"reply 1 of b"});  // it was on its way already
  a.send(b.peer(), "2");
  timeline.run_for(10ms);
  CHECK(a.log == Log{"reply 1 of b", "reply 2 of b"});
}

TEST_CASE_FIXTURE(Fixture, "a filter sees each frame and can break the connection instead") {
  std::string seen;
  network.set_filter([&](const Address& from, const Address& to, Lane, Frame frame) {
    seen += from.host + to.host + std::string(frame.payload) + " ";
    return frame.payload != "bad";
  });
  a.send(b.peer(), "good");
  a.send(b.peer(), "bad");
  a.send(b.peer(), "after");
  timeline.run_until_idle();
  CHECK(seen == "abgood abbad ");
  CHECK(b.log == Log{"request good", "closed from 1"});
  CHECK(a.log == Log{"broken to b"});
}

TEST_CASE_FIXTURE(Fixture, "a filter may crash the very node that a frame is for") {
  for (const auto kind : {MemoryNetwork::Crash::process, MemoryNetwork::Crash::machine}) {
    Recorder victim(network, "victim", 9);
    network.set_filter([&](const Address&, const Address& to, Lane, Frame) {
      network.crash(to, kind);
      return true;
    });
    a.send(victim.peer(), "x");
    timeline.run_until_idle();
    CHECK(victim.log.empty());
    CHECK(victim.send(a.peer(), "x").error == Errc::stopped);
  }
}

TEST_CASE_FIXTURE(Fixture, "a filter may end itself, so that it strikes once") {
  network.set_filter([&](const Address&, const Address&, Lane, Frame) {
    network.set_filter({});
    return false;
  });
  a.send(b.peer(), "struck");
  timeline.run_until_idle();
  a.send(b.peer(), "passes");
  timeline.run_until_idle();
  CHECK(b.log == Log{"closed from 1", "request passes"});
}

TEST_CASE_FIXTURE(Fixture, "connections that wait for a predecessor to close break like others") {
  exchange();
  a.transport().disconnect(b.peer());
  a.send(b.peer(), "waits");
  network.break_connections(a.address(), b.address());
  timeline.run_until_idle();
  CHECK(a.log == Log{"broken to b", "broken to b"});
  CHECK(b.log == Log{"closed from 1"});
}

}  // namespace
