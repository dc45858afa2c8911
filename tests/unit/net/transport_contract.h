// What every Transport promises (dht/transport.h), checked once for all implementations.
//
// Use: TEST_CASE("...") { SomeWorld world; check_transport_contract(world); }
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/function.h>
#include <dht/transport.h>

namespace dht::testing {

/// Where transports live, and what makes them move. One thread only.
class TransportWorld {
 public:
  virtual ~TransportWorld() = default;
  /// What one connection may have queued, in bytes, for every transport made here.
  static constexpr std::size_t kMaxQueueBytes = 64 * 1024;

  struct Made {
    std::unique_ptr<Transport> transport;
    Address address;  ///< where it listens once it is started
  };
  virtual Made make_transport() = 0;
  /// An address at which nobody listens.
  virtual Address unused_address() = 0;
  /// Lets things happen until `done`. False where it does not come to that.
  virtual bool run_until(Function<bool()> done) = 0;
};

/// What a receiver was told, in order.
struct Event {
  enum class Kind : std::uint8_t { request, reply, broken, link_closed };
  Kind kind = Kind::request;
  LinkInfo link{};  ///< request, link_closed
  Peer peer{};      ///< reply, broken
  Lane lane = Lane::control;
  ConnectionId connection = 0;  ///< broken
  std::error_code reason{};     ///< broken
  std::uint16_t type = 0;
  std::string payload{};
};

class Recorder : public TransportReceiver {
 public:
  void on_request(const LinkInfo& from, Frame frame) override {
    events.push_back({.kind = Event::Kind::request,
                      .link = from,
                      .lane = from.lane,
                      .type = frame.type,
                      .payload = std::string(frame.payload)});
    if (when_requested) when_requested(from);
  }
  void on_reply(const Peer& peer, Lane lane, Frame frame) override {
    events.push_back({.kind = Event::Kind::reply,
                      .peer = peer,
                      .lane = lane,
                      .type = frame.type,
                      .payload = std::string(frame.payload)});
  }
  void on_broken(const Peer& peer, Lane lane, ConnectionId connection, std::error_code reason) override {
    events.push_back(
        {.kind = Event::Kind::broken, .peer = peer, .lane = lane, .connection = connection, .reason = reason});
    if (when_broken) when_broken();
  }
  void on_link_closed(const LinkInfo& link) override {
    events.push_back({.kind = Event::Kind::link_closed, .link = link, .lane = link.lane});
  }

  std::size_t count(Event::Kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const Event& event) { return event.kind == kind; }));
  }
  std::vector<Event> all(Event::Kind kind) const {
    std::vector<Event> found;
    for (const Event& event : events) {
      if (event.kind == kind) found.push_back(event);
    }
    return found;
  }

  std::vector<Event> events;
  Function<void(const LinkInfo&)> when_requested{};  ///< called inside on_request
  Function<void()> when_broken{};                    ///< called inside on_broken
};

/// A transport that is running, with its receiver.
class Party {
 public:
  Party(TransportWorld& world, NodeId node, ClusterId cluster = ClusterId{7}) : made_(world.make_transport()) {
    identity = {node, cluster, made_.address};
    made_.transport->start(identity, heard);
  }
  ~Party() { made_.transport->stop(); }
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;

  Transport& transport() { return *made_.transport; }
  /// As others name it.
  Peer peer() const { return {identity.address, identity.cluster, identity.node}; }

  LocalIdentity identity;
  Recorder heard;

 private:
  TransportWorld::Made made_;
};

namespace contract {

using Kind = Event::Kind;
inline constexpr NodeId kAnna{1};
inline constexpr NodeId kBert{2};

inline void order(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  for (std::uint16_t number = 0; number < 300; ++number) {
    for (const Lane lane : {Lane::control, Lane::request, Lane::replication}) {
      REQUIRE_FALSE(anna.transport().send(bert.peer(), lane, {number, std::to_string(number)}).error);
    }
  }
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 900; }));
  std::uint16_t next[kLanes] = {};
  for (const Event& event : bert.heard.events) {
    std::uint16_t& expected = next[static_cast<std::size_t>(event.lane)];
    REQUIRE(event.type == expected);
    REQUIRE(event.payload == std::to_string(expected));
    ++expected;
  }
  CHECK(anna.heard.events.empty());
}

inline void opener_is_named(TransportWorld& world) {
  Party anna(world, kAnna, ClusterId{8});
  Party bert(world, kBert);
  anna.transport().send(bert.peer(), Lane::replication, {5, "hello"});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  const Event& event = bert.heard.events.front();
  CHECK(event.link.link != 0);
  CHECK(event.link.node == kAnna);
  CHECK(event.link.cluster == bert.identity.cluster);
  CHECK(event.link.lane == Lane::replication);
}

inline void replies(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  anna.transport().send(bert.peer(), Lane::request, {5, "question"});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  const LinkId link = bert.heard.events.front().link.link;
  for (std::uint16_t number = 0; number < 100; ++number)
    CHECK_FALSE(bert.transport().reply(link, {number, "answer"}));
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::reply) == 100; }));
  for (std::uint16_t number = 0; number < 100; ++number) {
    CHECK(anna.heard.events[number].type == number);
    CHECK(anna.heard.events[number].peer == bert.peer());
    CHECK(anna.heard.events[number].lane == Lane::request);
  }
}

inline void one_connection_per_peer_and_lane(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  const ConnectionId first = anna.transport().send(bert.peer(), Lane::request, {1, ""}).connection;
  CHECK(first != 0);
  CHECK(anna.transport().send(bert.peer(), Lane::request, {1, ""}).connection == first);
  CHECK(anna.transport().send(bert.peer(), Lane::control, {1, ""}).connection != first);
}

inline void guest(TransportWorld& world) {
  Party anna(world, kAnna, ClusterId{8});
  Party bert(world, kBert);
  anna.transport().send({bert.identity.address}, Lane::control, {5, "hello"});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  CHECK_FALSE(bert.heard.events.front().link.cluster);
}

inline void refusal(TransportWorld& world, const Peer& wanted, Party& anna, Party& bert) {
  const Sent sent = anna.transport().send(wanted, Lane::request, {5, "not for bert"});
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 1; }));
  const Event& event = anna.heard.events.front();
  CHECK(event.reason == Errc::incompatible);
  CHECK(event.connection == sent.connection);
  CHECK(event.peer == wanted);
  CHECK(event.lane == Lane::request);
  CHECK(bert.heard.events.empty());
}
inline void wrong_cluster(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  refusal(world, {bert.identity.address, ClusterId{99}, kBert}, anna, bert);
}
inline void wrong_node(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  refusal(world, {bert.identity.address, bert.identity.cluster, NodeId{99}}, anna, bert);
}

inline void new_identity(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  bert.identity.cluster = ClusterId{99};
  bert.transport().set_identity(bert.identity);
  anna.transport().send(bert.peer(), Lane::request, {5, ""});
  CHECK(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
}

inline void nobody_there(TransportWorld& world) {
  Party anna(world, kAnna);
  const Sent sent = anna.transport().send({world.unused_address(), ClusterId{7}, kBert}, Lane::control, {5, ""});
  CHECK_FALSE(sent.error);
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 1; }));
  CHECK(anna.heard.events.front().reason == Errc::unreachable);
  CHECK(anna.heard.events.front().connection == sent.connection);
}

/// Sends until a frame is taken. Whether it ever was.
inline bool send_in_the_end(TransportWorld& world, Party& from, const Peer& to, Lane lane, Frame frame, Sent& sent) {
  return world.run_until([&] {
    sent = from.transport().send(to, lane, frame);
    return !sent.error;
  });
}

inline void pause_after_failure(TransportWorld& world) {
  Party anna(world, kAnna);
  const Peer nobody{world.unused_address(), ClusterId{7}, kBert};
  const Sent first = anna.transport().send(nobody, Lane::control, {5, ""});
  Sent refused;
  anna.heard.when_broken = [&] { refused = anna.transport().send(nobody, Lane::control, {5, ""}); };
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 1; }));
  CHECK(refused.error == Errc::unreachable);
  CHECK(refused.connection == 0);
  Sent second;
  REQUIRE(send_in_the_end(world, anna, nobody, Lane::control, {5, ""}, second));
  CHECK(second.connection > first.connection);
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 2; }));
  CHECK(anna.heard.events.back().connection == second.connection);
}

inline void guest_after_failure(TransportWorld& world) {
  Party anna(world, kAnna);
  const Peer nobody{world.unused_address()};
  anna.transport().send(nobody, Lane::control, {5, ""});
  Sent again;
  anna.heard.when_broken = [&] { again = anna.transport().send(nobody, Lane::control, {5, ""}); };
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 1; }));
  CHECK_FALSE(again.error);
}

inline void acceptor_stops(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  const Sent sent = anna.transport().send(bert.peer(), Lane::request, {5, ""});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  bert.transport().stop();
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 1; }));
  CHECK(anna.heard.events.front().reason == Errc::outcome_unknown);
  CHECK(anna.heard.events.front().connection == sent.connection);
  CHECK(bert.heard.events.size() == 1);
}

inline void opener_stops(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  anna.transport().send(bert.peer(), Lane::request, {5, ""});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  const LinkId link = bert.heard.events.front().link.link;
  anna.transport().stop();
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::link_closed) == 1; }));
  CHECK(bert.heard.events.back().link.link == link);
  CHECK_FALSE(bert.transport().reply(link, {5, "too late"}));
  CHECK(anna.heard.events.empty());
  CHECK(anna.transport().send(bert.peer(), Lane::request, {5, ""}).error == Errc::stopped);
}

inline void disconnect_flushes(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  Sent sent;
  for (std::uint16_t number = 0; number < 100; ++number) {
    sent = anna.transport().send(bert.peer(), Lane::request, {number, "before"});
  }
  anna.transport().disconnect(bert.peer());
  REQUIRE(
      world.run_until([&] { return anna.heard.count(Kind::broken) == 1 && bert.heard.count(Kind::link_closed) == 1; }));
  CHECK(bert.heard.count(Kind::request) == 100);
  CHECK(anna.heard.events.front().connection == sent.connection);
}

inline void close_link_flushes(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  anna.transport().send(bert.peer(), Lane::request, {5, ""});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  const LinkId link = bert.heard.events.front().link.link;
  for (std::uint16_t number = 0; number < 100; ++number)
    bert.transport().reply(link, {number, "answer"});
  bert.transport().close_link(link);
  REQUIRE(
      world.run_until([&] { return anna.heard.count(Kind::broken) == 1 && bert.heard.count(Kind::link_closed) == 1; }));
  CHECK(anna.heard.count(Kind::reply) == 100);
  CHECK(anna.heard.events.back().kind == Kind::broken);
}

inline void next_send_reconnects(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  const Sent first = anna.transport().send(bert.peer(), Lane::request, {5, "first"});
  anna.transport().disconnect(bert.peer());
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 1; }));
  Sent second;
  REQUIRE(send_in_the_end(world, anna, bert.peer(), Lane::request, {5, "second"}, second));
  CHECK(second.connection != first.connection);
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 2; }));
  const auto requests = bert.heard.all(Kind::request);
  CHECK(requests[1].payload == "second");
  CHECK(requests[1].link.link != requests[0].link.link);
}

inline void newer_link_replaces(TransportWorld& world) {
  Party bert(world, kBert);
  Party before(world, kAnna);
  before.transport().send(bert.peer(), Lane::replication, {5, "before"});
  before.transport().send(bert.peer(), Lane::control, {5, "other lane"});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 2; }));
  Party after(world, kAnna);
  after.transport().send(bert.peer(), Lane::replication, {5, "after"});
  REQUIRE(
      world.run_until([&] { return bert.heard.count(Kind::request) == 3 && before.heard.count(Kind::broken) == 1; }));
  REQUIRE(bert.heard.count(Kind::link_closed) == 1);
  const Event& closed = bert.heard.events[2];
  CHECK(closed.kind == Kind::link_closed);
  CHECK(closed.lane == Lane::replication);
  CHECK(bert.heard.events[3].payload == "after");
  CHECK(before.heard.events.front().lane == Lane::replication);
  CHECK(before.heard.events.front().reason == Errc::outcome_unknown);
}

inline void guest_and_member_side_by_side(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  anna.transport().send({bert.identity.address}, Lane::control, {5, "guest"});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  anna.transport().send(bert.peer(), Lane::control, {5, "member"});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 2; }));
  for (const Event& event : bert.heard.all(Kind::request))
    bert.transport().reply(event.link.link, {6, "answer"});
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::reply) == 2; }));
  CHECK(bert.heard.count(Kind::link_closed) == 0);
}

inline void overload(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  const std::string payload(1000, 'x');
  std::size_t accepted = 0;
  std::error_code error;
  while (!(error = anna.transport().send(bert.peer(), Lane::request, {5, payload}).error))
    ++accepted;
  CHECK(error == Errc::overloaded);
  CHECK(accepted * payload.size() <= TransportWorld::kMaxQueueBytes);
  CHECK((accepted + 2) * payload.size() >= TransportWorld::kMaxQueueBytes / 2);
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == accepted; }));
  CHECK(world.run_until([&] { return !anna.transport().send(bert.peer(), Lane::request, {5, payload}).error; }));
  CHECK(world.run_until([&] { return bert.heard.count(Kind::request) == accepted + 1; }));
}

inline void replies_pile_up(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  const std::string payload(TransportWorld::kMaxQueueBytes / 8, 'x');
  std::size_t refused = 0;
  bert.heard.when_requested = [&](const LinkInfo& from) {
    refused += static_cast<bool>(bert.transport().reply(from.link, {6, payload}));
  };
  constexpr std::size_t kRequests = 50;
  for (std::size_t number = 0; number < kRequests; ++number)
    REQUIRE_FALSE(anna.transport().send(bert.peer(), Lane::request, {5, "question"}).error);
  CHECK(world.run_until([&] { return anna.heard.events.size() >= kRequests; }));
  CHECK(anna.heard.count(Kind::reply) == kRequests);
  CHECK(refused == 0);
}

/// `reply` sends over the link of a request what does not fit; the replies before it arrive, then comes the end.
inline void link_ends(TransportWorld& world, Errc expected, Function<std::error_code(Party&, LinkId)> reply) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  const Sent sent = anna.transport().send(bert.peer(), Lane::request, {5, ""});
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  const LinkId link = bert.heard.events.front().link.link;
  CHECK_FALSE(bert.transport().reply(link, {6, "fits"}));
  CHECK(reply(bert, link) == expected);
  REQUIRE(
      world.run_until([&] { return anna.heard.count(Kind::broken) == 1 && bert.heard.count(Kind::link_closed) == 1; }));
  CHECK(anna.heard.events.front().payload == "fits");
  CHECK(anna.heard.events.back().connection == sent.connection);
  CHECK(anna.heard.events.back().reason == Errc::outcome_unknown);
}
inline void reply_over_queue(TransportWorld& world) {
  link_ends(world, Errc::overloaded, [](Party& from, LinkId link) {
    const std::string payload(1000, 'x');
    std::error_code error;
    while (!error)
      error = from.transport().reply(link, {6, payload});
    return error;
  });
}
inline void reply_too_large(TransportWorld& world) {
  link_ends(world, Errc::too_large, [](Party& from, LinkId link) {
    return from.transport().reply(link, {6, std::string(kMaxFramePayload + 1, 'x')});
  });
}

inline void large_frames(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  std::string payload(20'000'000, 'x');
  for (std::size_t at = 0; at < payload.size(); at += 997)
    payload[at] = static_cast<char>(at);
  CHECK_FALSE(anna.transport().send(bert.peer(), Lane::request, {5, payload}).error);
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  CHECK((bert.heard.events.front().payload == payload));
  CHECK_FALSE(bert.transport().reply(bert.heard.events.front().link.link, {6, payload}));
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::reply) == 1; }));
  CHECK((anna.heard.events.front().payload == payload));
}

inline void too_large(TransportWorld& world) {
  Party anna(world, kAnna);
  Party bert(world, kBert);
  const std::string payload(kMaxFramePayload + 1, 'x');
  CHECK(anna.transport().send(bert.peer(), Lane::request, {5, payload}).error == Errc::too_large);
}

}  // namespace contract

/// To be called from a test case, with a world made in that test case.
inline void check_transport_contract(TransportWorld& world) {
  SUBCASE("frames of one lane arrive in the order sent") { contract::order(world); }
  SUBCASE("a request names its opener") { contract::opener_is_named(world); }
  SUBCASE("replies come back over the connection of the request, in order") { contract::replies(world); }
  SUBCASE("a peer has one connection per lane") { contract::one_connection_per_peer_and_lane(world); }
  SUBCASE("a guest is taken") { contract::guest(world); }
  SUBCASE("who wants another cluster is refused and nothing is delivered") { contract::wrong_cluster(world); }
  SUBCASE("who wants another node is refused and nothing is delivered") { contract::wrong_node(world); }
  SUBCASE("a new identity holds for new connections") { contract::new_identity(world); }
  SUBCASE("where nobody listens, the frame is told undelivered") { contract::nobody_there(world); }
  SUBCASE("for a while after a failure frames are refused, then the next attempt is made") {
    contract::pause_after_failure(world);
  }
  SUBCASE("a guest that was not reached may try again at once") { contract::guest_after_failure(world); }
  SUBCASE("when the acceptor stops, the opener is told") { contract::acceptor_stops(world); }
  SUBCASE("when the opener stops, the acceptor is told") { contract::opener_stops(world); }
  SUBCASE("disconnect sends what is queued first") { contract::disconnect_flushes(world); }
  SUBCASE("close_link sends what is queued first") { contract::close_link_flushes(world); }
  SUBCASE("the next send after a break opens a new connection") { contract::next_send_reconnects(world); }
  SUBCASE("a newer link of a node and lane closes the older one first") { contract::newer_link_replaces(world); }
  SUBCASE("a node may be guest and member at once") { contract::guest_and_member_side_by_side(world); }
  SUBCASE("a full queue refuses and loses nothing") { contract::overload(world); }
  SUBCASE("requests wait while their replies pile up, and all are answered") { contract::replies_pile_up(world); }
  SUBCASE("a reply that the queue does not hold closes the link") { contract::reply_over_queue(world); }
  SUBCASE("a reply over the limit closes the link") { contract::reply_too_large(world); }
  SUBCASE("frames of many megabytes arrive whole") { contract::large_frames(world); }
  SUBCASE("a frame over the limit is refused") { contract::too_large(world); }
}

}  // namespace dht::testing
