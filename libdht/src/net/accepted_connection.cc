#include "net/accepted_connection.h"

#include <random>
#include <utility>

#include <asio/post.hpp>
#include <fmt/format.h>

#include <dht/peer_protocol.h>

#include "net/link_table.h"
#include "net/printable.h"
#include "wire/handshake.h"

namespace dht::net {
namespace {

constexpr std::string_view kReplaced = "replaced by a newer connection of the same node";

}  // namespace

AcceptedConnection::AcceptedConnection(std::shared_ptr<Environment> environment, std::shared_ptr<LinkTable> links,
                                       LinkId id, asio::ip::tcp::socket socket)
    : Connection(std::move(environment), std::move(socket)), links_(std::move(links)), info_{.link = id} {}

void AcceptedConnection::start(std::string received, bool request_seen) {
  asio::post(strand(), [this, self = shared_from_this(), received = std::move(received), request_seen] {
    if (ended()) return;
    std::error_code ignored;
    const auto endpoint = socket().remote_endpoint(ignored);
    remote_ = to_string(Address{endpoint.address().to_string(), endpoint.port()});
    connected();
    set_deadline(environment().options().handshake_timeout, Errc::unreachable, LogLevel::warning,
                 "did not shake hands in time; closed");
    if (request_seen) {
      phase_ = Phase::hello;
      write_first(kPeerResponse);
    }
    input().append(received);
    take_input();
  });
}

bool AcceptedConnection::consume_input() {
  if (phase_ == Phase::request) take_request();
  if (phase_ == Phase::hello) take_hello();
  if (phase_ == Phase::confirm) take_confirm();
  switch (phase_) {
    case Phase::request:
    case Phase::hello:
    case Phase::confirm:
      return true;
    case Phase::waiting:
      return false;
    case Phase::open:
      if (is_closing()) break;
      return deliver_frames(info_.cluster, info_.lane, [this](TransportReceiver& receiver, Frame frame) {
        if (!is_closing()) receiver.on_request(info_, frame);
        paused_ = is_congested();
        return !paused_;
      });
    case Phase::refused:
      break;
  }
  input().consume(input().bytes().size());
  return true;
}

void AcceptedConnection::after_write() {
  if (!paused_ || is_congested()) return;
  paused_ = false;
  take_input();
}

std::error_code AcceptedConnection::reply(Frame frame) {
  std::error_code error;
  if (frame.payload.size() > kMaxFramePayload) {
    error = Errc::too_large;
  } else if (enqueue(frame, info_.lane) == Queued::overloaded) {
    error = Errc::overloaded;
  } else {
    return {};
  }
  environment().log(LogLevel::warning,
                    fmt::format("{}: a reply does not fit: {}; closed", peer_name(), error.message()));
  close_after_flush();
  return error;
}

void AcceptedConnection::take_request() {
  switch (wire::compare_prefix(input().bytes(), kPeerRequest)) {
    case wire::Prefix::incomplete:
      return;
    case wire::Prefix::differs:
      return refuse(fmt::format("is no dht node: it sent \"{}\"; closed", printable_start(input().bytes())));
    case wire::Prefix::matches:
      input().consume(kPeerRequest.size());
      phase_ = Phase::hello;
      write_first(kPeerResponse);
  }
}

void AcceptedConnection::take_hello() {
  using State = wire::DecodedFrame::State;
  const wire::DecodedFrame decoded = wire::decode_frame(input().bytes(), wire::kMaxHandshakePayload);
  if (decoded.state == State::incomplete) return;
  std::optional<wire::Hello> hello;
  if (decoded.state == State::complete && decoded.frame.type == wire::kHelloType) {
    hello = wire::decode_hello(decoded.frame.payload);
  }
  if (!hello) return refuse("sent a malformed handshake; closed");
  input().consume(decoded.size);
  answer(*hello);
}

void AcceptedConnection::answer(const wire::Hello& hello) {
  wire::HelloReply reply = wire::answer(hello, environment().identity());
  std::random_device random;
  nonce_ = reply.nonce = (std::uint64_t{random()} << 32) | random();
  std::string bytes;
  wire::append_frame(bytes, {wire::kHelloReplyType, wire::encode(reply)}, hello.lane);
  write_first(bytes);
  if (reply.verdict != wire::Verdict::accepted) {
    return refuse(fmt::format("refused node {} at {}: {} (it wanted cluster {}, node {})", to_string(hello.opener.node),
                              to_string(hello.opener.address), wire::to_string(reply.verdict),
                              to_string(hello.wanted_cluster), to_string(hello.wanted_node)));
  }
  info_.node = hello.opener.node;
  info_.cluster = hello.wanted_cluster;
  info_.lane = hello.lane;
  phase_ = Phase::confirm;
}

void AcceptedConnection::take_confirm() {
  using State = wire::DecodedFrame::State;
  const wire::DecodedFrame decoded = wire::decode_frame(input().bytes(), wire::kMaxHandshakePayload);
  if (decoded.state == State::incomplete) return;
  const bool is_confirm = decoded.state == State::complete && decoded.frame.type == wire::kConfirmType;
  if (!is_confirm || wire::decode_confirm(decoded.frame.payload) != nonce_) {
    return refuse("did not repeat this connection's number; closed");
  }
  input().consume(decoded.size);
  wait_for_predecessor();
}

void AcceptedConnection::wait_for_predecessor() {
  phase_ = Phase::waiting;
  auto self = std::static_pointer_cast<AcceptedConnection>(shared_from_this());
  // Weak, since it is kept in the older one's io_context, which may be destroyed after ours.
  auto go_on = [weak = std::weak_ptr(self)] {
    const auto waiting = weak.lock();
    if (waiting) asio::post(waiting->strand(), [waiting] { waiting->predecessor_gone(); });
  };
  if (const auto older = links_->admit(self)) {
    older->give_way(std::move(go_on));
  } else {
    go_on();
  }
}

/// What was written before still reaches the peer.
void AcceptedConnection::refuse(std::string_view why) {
  environment().log(LogLevel::warning, fmt::format("{}: {}", peer_name(), why));
  phase_ = Phase::refused;
  start_sending();
  close_after_flush();
}

void AcceptedConnection::predecessor_gone() {
  if (ended()) {
    phase_ = Phase::refused;
    return leave_table();
  }
  if (!successors_.empty()) {
    phase_ = Phase::refused;
    return end(Errc::outcome_unknown, LogLevel::debug, kReplaced);
  }
  phase_ = Phase::open;
  clear_deadline();
  start_sending();
  take_input();
}

void AcceptedConnection::give_way(Function<void()> done) {
  asio::post(strand(), [this, self = shared_from_this(), done = std::move(done)]() mutable {
    // One that still waits for its own predecessor gives way when that is gone, even if it has ended meanwhile: so the
    // order of closing holds along the whole chain.
    if (ended() && phase_ != Phase::waiting) return done();
    successors_.push_back(std::move(done));
    if (phase_ != Phase::waiting) end(Errc::outcome_unknown, LogLevel::debug, kReplaced);
  });
}

void AcceptedConnection::after_end(std::error_code) {
  if (phase_ == Phase::waiting) return;  // predecessor_gone() does the rest
  if (phase_ == Phase::open) {
    const ReceiverGate::Pass pass(environment().gate());
    if (pass) pass.receiver().on_link_closed(info_);
  }
  leave_table();
}

/// Only now, after the receiver has been told, may a newer connection of the same opener not find this one any more.
void AcceptedConnection::leave_table() {
  links_->erase(info_);
  for (auto& done : std::exchange(successors_, {}))
    done();
}

std::string AcceptedConnection::peer_name() const { return fmt::format("peer connection from {}", remote_); }

}  // namespace dht::net
