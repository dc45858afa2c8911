// Two nodes on a MemoryNetwork that write down what their transports tell them.
//
// Thread rule: the one thread of the timeline.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/memory_network.h>

namespace network_test {

using namespace std::chrono_literals;
using namespace dht;
using testing::MemoryNetwork;
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

}  // namespace network_test
