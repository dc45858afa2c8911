#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/memory_network.h>

namespace {

using namespace std::chrono_literals;
using namespace dht;
using testing::MemoryNetwork;
using testing::MemoryNetworkOptions;
using testing::Timeline;

/// A node that writes down what its transport tells it.
class Recorder final : public TransportReceiver {
 public:
  Recorder(MemoryNetwork& network, std::string host, std::uint64_t node, ClusterId cluster = ClusterId{1})
      : address_{std::move(host), 1},
        identity_{NodeId{node}, cluster, address_},
        transport_(network.make_transport(address_)) {
    transport_->start(identity_, *this);
  }

  void on_request(const LinkInfo& from, Frame frame) override {
    last_link = from;
    log.push_back("request " + std::string(frame.payload));
    if (echo) CHECK_FALSE(transport_->reply(from.link, frame));
  }
  void on_reply(const Peer& peer, Lane, Frame frame) override {
    log.push_back("reply " + std::string(frame.payload) + " of " + peer.address.host);
  }
  void on_broken(const Peer& peer, Lane, ConnectionId connection, std::error_code reason) override {
    broken.push_back(connection);
    reasons.push_back(reason);
    log.push_back("broken to " + peer.address.host);
  }
  void on_link_closed(const LinkInfo& link) override {
    log.push_back("closed from " + to_string(link.node).substr(15));
  }

  Peer peer() const { return {address_, identity_.cluster, identity_.node}; }
  const Address& address() const { return address_; }
  Transport& transport() { return *transport_; }
  void move_to(ClusterId cluster) {
    identity_.cluster = cluster;
    transport_->set_identity(identity_);
  }
  Sent send(const Peer& to, std::string_view text, Lane lane = Lane::request) {
    return transport_->send(to, lane, {7, text});
  }

  using Log = std::vector<std::string>;
  Log log;
  std::vector<std::error_code> reasons;
  std::vector<ConnectionId> broken;
  LinkInfo last_link;
  bool echo = false;

 private:
  Address address_;
  LocalIdentity identity_;
  std::unique_ptr<Transport> transport_;
};

struct Fixture {
  Timeline timeline;
  MemoryNetwork network{
      timeline, 3, {.latency_min = 1ms, .latency_max = 5ms, .connect_timeout = 500ms, .patience = 1s}};
  Recorder a{network, "a", 1};
  Recorder b{network, "b", 2};

  using Log = Recorder::Log;
  void exchange() {
    b.echo = true;
    CHECK_FALSE(a.send(b.peer(), "x").error);
    timeline.run_until_idle();
    REQUIRE(a.log == Log{"reply x of b"});
    REQUIRE(b.log == Log{"request x"});
    a.log.clear();
    b.log.clear();
  }
};

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

TEST_CASE_FIXTURE(Fixture, "a transport that has not been started sends nothing and is not reached") {
  const auto idle = network.make_transport({"idle", 1});
  CHECK(idle->send(a.peer(), Lane::control, {7, "x"}).error == Errc::stopped);
  a.send({Address{"idle", 1}, {}, {}}, "x");
  timeline.run_until_idle();
  CHECK(a.reasons == std::vector<std::error_code>{Errc::unreachable});
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
