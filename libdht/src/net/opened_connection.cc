#include "net/opened_connection.h"

#include <utility>

#include <asio/connect.hpp>
#include <asio/ip/address.hpp>
#include <asio/post.hpp>
#include <fmt/format.h>

#include <dht/peer_protocol.h>

#include "net/printable.h"
#include "wire/handshake.h"

namespace dht::net {
namespace {

std::string_view lane_name(Lane lane) {
  switch (lane) {
    case Lane::control:
      return "control";
    case Lane::request:
      return "request";
    case Lane::replication:
      return "replication";
  }
  return "unknown";
}

}  // namespace

OpenedConnection::OpenedConnection(std::shared_ptr<Environment> environment, const asio::any_io_executor& executor,
                                   Target target, EndHandler on_end)
    : Connection(std::move(environment), asio::ip::tcp::socket(executor)),
      target_(std::move(target)),
      on_end_(std::move(on_end)),
      resolver_(executor) {}

void OpenedConnection::start() {
  asio::post(strand(), [this, self = shared_from_this()] {
    if (!ended()) resolve();
  });
}

void OpenedConnection::resolve() {
  set_deadline(environment().options().connect_timeout, Errc::unreachable, failure_level(),
               "cannot be reached: no answer in time");
  const Address& address = target_.peer.address;
  std::error_code not_numeric;
  const auto numeric = asio::ip::make_address(address.host, not_numeric);
  if (!not_numeric) {
    return connect(asio::ip::tcp::resolver::results_type::create(asio::ip::tcp::endpoint(numeric, address.port),
                                                                 address.host, std::to_string(address.port)));
  }
  resolver_.async_resolve(address.host, std::to_string(address.port), asio::ip::tcp::resolver::numeric_service,
                          on_strand([this, self = shared_from_this()](
                                        std::error_code error, const asio::ip::tcp::resolver::results_type& endpoints) {
                            if (ended()) return;
                            if (error)
                              return fail(Errc::unreachable, fmt::format("cannot be reached: {}", error.message()));
                            connect(endpoints);
                          }));
}

void OpenedConnection::connect(const asio::ip::tcp::resolver::results_type& endpoints) {
  asio::async_connect(
      socket(), endpoints,
      on_strand([this, self = shared_from_this()](std::error_code error, const asio::ip::tcp::endpoint&) {
        if (ended()) return;
        if (error) return fail(Errc::unreachable, fmt::format("cannot be reached: {}", error.message()));
        shake_hands();
      }));
}

void OpenedConnection::shake_hands() {
  connected();
  set_deadline(environment().options().handshake_timeout, Errc::unreachable, failure_level(),
               "is no dht node: it did not answer the handshake in time");
  phase_ = Phase::greeting;
  std::string bytes(kPeerRequest);
  const wire::Hello hello{.opener = environment().identity(),
                          .wanted_cluster = target_.peer.cluster,
                          .wanted_node = target_.peer.node,
                          .lane = target_.lane};
  wire::append_frame(bytes, {wire::kHelloType, wire::encode(hello)}, target_.lane);
  write_first(bytes);
  read();
}

bool OpenedConnection::consume_input() {
  if (phase_ == Phase::greeting) take_greeting();
  if (phase_ == Phase::hello && !ended()) take_hello_reply();
  if (phase_ != Phase::open) return true;
  return deliver_frames(target_.peer.cluster, target_.lane, [this](TransportReceiver& receiver, Frame frame) {
    receiver.on_reply(target_.peer, target_.lane, frame);
    return true;
  });
}

void OpenedConnection::take_greeting() {
  switch (wire::compare_prefix(input().bytes(), kPeerResponse)) {
    case wire::Prefix::incomplete:
      return;
    case wire::Prefix::differs:
      return fail(Errc::unreachable,
                  fmt::format("is no dht node: it answered \"{}\"", printable_start(input().bytes())));
    case wire::Prefix::matches:
      input().consume(kPeerResponse.size());
      phase_ = Phase::hello;
  }
}

void OpenedConnection::take_hello_reply() {
  using State = wire::DecodedFrame::State;
  const wire::DecodedFrame decoded = wire::decode_frame(input().bytes(), wire::kMaxHandshakePayload);
  if (decoded.state == State::incomplete) return;
  std::optional<wire::HelloReply> reply;
  if (decoded.state == State::complete && decoded.frame.type == wire::kHelloReplyType) {
    reply = wire::decode_hello_reply(decoded.frame.payload);
  }
  if (!reply) return fail(Errc::unreachable, "is no dht node: its handshake is malformed");
  if (reply->verdict != wire::Verdict::accepted) {
    return fail(Errc::incompatible, fmt::format("refused the connection: {}", wire::to_string(reply->verdict)));
  }
  if (reply->version < wire::kMinProtocolVersion || reply->version > wire::kProtocolVersion) {
    return fail(Errc::incompatible, fmt::format("chose version {} of the protocol, unknown here", reply->version));
  }
  input().consume(decoded.size);
  phase_ = Phase::open;
  opened_at_ = Clock::now();
  clear_deadline();
  std::string confirm;
  wire::append_frame(confirm, {wire::kConfirmType, wire::encode_confirm(reply->nonce)}, target_.lane);
  write_first(confirm);
  start_sending();
}

void OpenedConnection::read_failed(std::error_code error) {
  if (phase_ == Phase::open) return Connection::read_failed(error);
  fail(Errc::unreachable, error == asio::error::eof ? "is no dht node: it closed the connection during the handshake"
                                                    : fmt::format("cannot be reached: {}", error.message()));
}

/// Before the handshake is done.
void OpenedConnection::fail(std::error_code reason, std::string_view why) { end(reason, failure_level(), why); }

/// Only the first failure in a row is news.
LogLevel OpenedConnection::failure_level() const { return target_.was_failing ? LogLevel::debug : LogLevel::warning; }

void OpenedConnection::after_end(std::error_code reason) {
  resolver_.cancel();
  // Frames are sent only after the handshake: before it, whatever went wrong, nothing was delivered.
  if (!opened_at_ && reason == Errc::outcome_unknown) reason = Errc::unreachable;
  on_end_(*this, reason);
}

std::string OpenedConnection::peer_name() const {
  return fmt::format("peer {} ({})", to_string(target_.peer.address), lane_name(target_.lane));
}

}  // namespace dht::net
