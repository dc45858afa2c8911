// Transport: sends frames to peers and receives theirs.
//
// A frame is a type and a payload of bytes. Between two peers each lane is one ordered stream: frames of one lane
// arrive in the order sent, or the connection breaks and both sides are told. A connection is opened on the first send
// by the side that sends; the other side answers over the connection that a frame came on (`reply`), so the fate of a
// request and of its reply is the fate of one connection.
//
// Implementations: `make_tcp_transport()` (dht/asio.h) and `testing::MemoryNetwork` (in-memory, virtual time).
//
// Thread rule: all methods may be called from any thread. The receiver is called from the transport's own threads:
// for one connection one call at a time and in order, for several connections in parallel, and never from inside a
// call of the transport made by the receiver's owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>

#include <dht/types.h>

namespace dht {

/// Separate connections, so that bulk data never delays control messages and clients' requests.
enum class Lane : std::uint8_t { control, request, replication };
inline constexpr std::size_t kLanes = 3;

/// Whom a connection is for. Where `cluster` or `node` is set, the acceptor refuses the connection unless it is that
/// node and a member of that cluster: so a frame never reaches a later process at the same address. A *guest*
/// connection names neither and is for the messages by which strangers get to know a cluster.
struct Peer {
  Address address{};
  ClusterId cluster{};
  NodeId node{};

  bool is_guest() const noexcept { return !cluster && !node; }
  auto operator<=>(const Peer&) const = default;
};

/// Who a node says it is when it opens or accepts a connection. Changes when it joins or leaves.
struct LocalIdentity {
  NodeId node{};
  ClusterId cluster{};
  Address address{};  ///< where others reach it
};

/// One accepted connection while it lasts; never used again by the same transport. Zero is none.
using LinkId = std::uint64_t;

/// What the acceptor knows about the opener of a connection.
struct LinkInfo {
  LinkId link = 0;
  NodeId node{};        ///< the opener
  ClusterId cluster{};  ///< what the opener asked for; zero for a guest
  Lane lane = Lane::control;
};

/// One connection that we opened, or are opening; never used again by the same transport. Zero is none.
using ConnectionId = std::uint64_t;

/// What became of a `send`: an error, or the connection.
struct Sent {
  std::error_code error{};
  ConnectionId connection = 0;
};

struct Frame {
  std::uint16_t type = 0;
  std::string_view payload{};  ///< valid during the call only
};

/// Largest payload of one frame, in bytes: a key and a value at their largest configurable limit with room to spare.
inline constexpr std::size_t kMaxFramePayload = 80u * 1024 * 1024;

class TransportReceiver {
 public:
  /// A frame from a peer that opened a connection to us.
  virtual void on_request(const LinkInfo& from, Frame frame) = 0;
  /// A frame that `peer` sent back over the connection that we opened.
  virtual void on_reply(const Peer& peer, Lane lane, Frame frame) = 0;
  /// The connection that we opened (or tried to open) is gone. Exactly the frames whose `send` named `connection` are
  /// concerned: they were delivered or not, none will be from now on, and no reply to them will come. `reason` is
  /// Errc::unreachable where nothing (or no dht node) answered, in which case nothing sent was delivered;
  /// Errc::incompatible where the version, cluster or node was refused, likewise nothing was delivered;
  /// otherwise Errc::outcome_unknown.
  virtual void on_broken(const Peer& peer, Lane lane, ConnectionId connection, std::error_code reason) = 0;
  /// An accepted connection is gone.
  virtual void on_link_closed(const LinkInfo& link) = 0;
  /// A hint: these frames have come together over one connection between members of that cluster, and are about to be
  /// delivered, one after the other, unless the connection ends before. For fetching what they will need.
  virtual void expect(ClusterId /*cluster*/, Lane /*lane*/, std::span<const Frame> /*frames*/) noexcept {}

 protected:
  ~TransportReceiver() = default;
};

class Transport {
 public:
  virtual ~Transport() = default;

  /// Begins to deliver to `receiver`, which must outlive the transport or the return of `stop()`.
  virtual void start(const LocalIdentity& identity, TransportReceiver& receiver) = 0;
  /// From now on connections are opened and accepted under this identity. Connections that exist stay.
  virtual void set_identity(const LocalIdentity& identity) = 0;

  /// Queues a frame for `peer`, opening a connection if there is none; copies the payload. Errors (the frame is then
  /// certainly not sent): unreachable (the last attempt to connect failed a moment ago; a later send makes another),
  /// overloaded (this connection's queue is full), too_large, stopped. Otherwise the connection that the frame is
  /// queued on (or that is being opened for it) is named: its `on_broken` is the end of this frame. Guests are never
  /// refused as unreachable.
  virtual Sent send(const Peer& peer, Lane lane, Frame frame) = 0;
  /// Queues a frame back over an accepted connection. Dropped where the link is gone. A reply that does not fit
  /// (overloaded, too_large) closes the link as `close_link` does, so that the asker learns that none will come. It is
  /// seldom: while more than a quarter of a link's queue waits, no further request is taken from it.
  virtual std::error_code reply(LinkId link, Frame frame) = 0;
  /// Closes the connections that we opened to `peer` once what is queued has been sent; `on_broken` follows.
  virtual void disconnect(const Peer& peer) = 0;
  /// Closes one accepted connection once what is queued has been sent.
  virtual void close_link(LinkId link) = 0;

  /// Closes everything. When it returns the receiver is not being called and will not be again. Must not be called from
  /// inside the receiver.
  virtual void stop() = 0;
};

}  // namespace dht
