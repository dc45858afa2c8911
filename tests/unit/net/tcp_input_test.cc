// What TcpTransport does with peers that misbehave (issue 2, "What bad input gets").
#include <string>

#include <doctest/doctest.h>

#include <dht/asio.h>

#include "raw_stream.h"
#include "tcp_world.h"
#include "wire/frame.h"
#include "wire/handshake.h"

namespace dht::testing {
namespace {

using contract::kAnna;
using contract::kBert;
using Kind = Event::Kind;

wire::Hello hello_to(const Party& party, NodeId opener = kAnna) {
  return {.opener = {opener, ClusterId{7}, {"raw", 1}},
          .wanted_cluster = party.identity.cluster,
          .wanted_node = party.identity.node,
          .lane = Lane::request};
}
std::string frame(std::uint16_t type, std::string_view payload, Lane lane = Lane::request) {
  std::string bytes;
  wire::append_frame(bytes, {type, payload}, lane);
  return bytes;
}
std::string opening(const Party& party, NodeId opener = kAnna) {
  return std::string(kPeerRequest) + frame(wire::kHelloType, wire::encode(hello_to(party, opener)));
}
/// What an acceptor answers to a hello.
wire::HelloReply reply_of(TcpWorld& world, const RawStream& raw) {
  wire::DecodedFrame decoded;
  REQUIRE(world.run_until([&] {
    if (raw.received.size() < kPeerResponse.size()) return false;
    decoded = wire::decode_frame(std::string_view(raw.received).substr(kPeerResponse.size()));
    return decoded.state != wire::DecodedFrame::State::incomplete;
  }));
  CHECK(raw.received.starts_with(kPeerResponse));
  REQUIRE(decoded.state == wire::DecodedFrame::State::complete);
  REQUIRE(decoded.frame.type == wire::kHelloReplyType);
  const auto reply = wire::decode_hello_reply(decoded.frame.payload);
  REQUIRE(reply);
  return *reply;
}
/// The opener's second message, which repeats the number in the acceptor's answer.
std::string confirm(TcpWorld& world, const RawStream& raw) {
  return frame(wire::kConfirmType, wire::encode_confirm(reply_of(world, raw).nonce));
}
/// Another peer is served as if nothing had happened.
void check_serves(TcpWorld& world, Party& bert) {
  const std::size_t before = bert.heard.count(Kind::request);
  Party other(world, NodeId{77});
  other.transport().send(bert.peer(), Lane::request, {5, "all well?"});
  CHECK(world.run_until([&] { return bert.heard.count(Kind::request) == before + 1; }));
}

/// Connected and accepted, with one frame delivered.
std::shared_ptr<RawStream> established(TcpWorld& world, Party& bert) {
  auto raw = RawStream::connect(world.loop, bert.identity.address);
  raw->write(opening(bert));
  CHECK(reply_of(world, *raw).verdict == wire::Verdict::accepted);
  raw->write(confirm(world, *raw) + frame(5, "first"));
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  return raw;
}

/// What follows a good frame closes the connection, with one log line, and nothing of it is delivered.
void check_closes_after(const std::string& bytes) {
  TcpWorld world;
  Party bert(world, kBert);
  auto raw = established(world, bert);
  raw->write(bytes);
  REQUIRE(world.run_until([&] { return raw->closed && bert.heard.count(Kind::link_closed) == 1; }));
  CHECK(bert.heard.count(Kind::request) == 1);
  CHECK(world.log.size() == 1);
  check_serves(world, bert);
}

TEST_CASE("garbage instead of a request is closed with one log line") {
  TcpWorld world;
  Party bert(world, kBert);
  auto raw = RawStream::connect(world.loop, bert.identity.address);
  raw->write("\x16\x03\x01 hello there, I am no dht node");
  REQUIRE(world.run_until([&] { return raw->closed; }));
  CHECK(raw->received.empty());
  REQUIRE(world.log.size() == 1);
  CHECK(world.log[0].find("is no dht node: it sent \"... hello there") != std::string::npos);
  check_serves(world, bert);
}

TEST_CASE("garbage instead of a hello is closed with one log line") {
  TcpWorld world;
  Party bert(world, kBert);
  auto raw = RawStream::connect(world.loop, bert.identity.address);
  raw->write(std::string(kPeerRequest) + std::string(200, '\x07'));
  REQUIRE(world.run_until([&] { return raw->closed; }));
  CHECK(world.log.size() == 1);
  CHECK(bert.heard.events.empty());
  check_serves(world, bert);
}

TEST_CASE("a flipped bit closes the connection") {
  std::string bytes = frame(5, "payload");
  bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
  check_closes_after(bytes);
}

TEST_CASE("a length over the limit closes the connection at once") {
  check_closes_after(std::string("\xFF\xFF\xFF\xFF", 4) + std::string(8, '\0'));
}

TEST_CASE("a replayed hello closes the connection") {
  check_closes_after(frame(wire::kHelloType, wire::encode(wire::Hello{.opener = {kAnna, ClusterId{7}, {"raw", 1}}})));
}

TEST_CASE("a frame of another lane closes the connection") { check_closes_after(frame(5, "", Lane::control)); }

TEST_CASE("a frame cut short by the end of the connection is not delivered") {
  TcpWorld world;
  Party bert(world, kBert);
  auto raw = established(world, bert);
  const std::string bytes = frame(6, "second");
  raw->write(bytes.substr(0, bytes.size() - 1));
  raw->close();
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::link_closed) == 1; }));
  CHECK(bert.heard.count(Kind::request) == 1);
}

TEST_CASE("frames that come byte by byte are delivered") {
  TcpWorld world;
  Party bert(world, kBert);
  auto raw = RawStream::connect(world.loop, bert.identity.address);
  const auto write_slowly = [&](const std::string& bytes) {
    for (const char byte : bytes) {
      raw->write({&byte, 1});
      world.loop.restart();
      world.loop.poll();
    }
  };
  write_slowly(opening(bert));
  write_slowly(confirm(world, *raw) + frame(5, "slow"));
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  CHECK(bert.heard.events[0].payload == "slow");
}

TEST_CASE("a whole connection recorded and sent again delivers nothing and leaves the living one alone") {
  TcpWorld world;
  Party bert(world, kBert);
  auto raw = RawStream::connect(world.loop, bert.identity.address);
  raw->write(opening(bert));
  const std::string rest = confirm(world, *raw) + frame(5, "once");
  raw->write(rest);
  REQUIRE(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
  auto replay = RawStream::connect(world.loop, bert.identity.address);
  replay->write(opening(bert) + rest);
  REQUIRE(world.run_until([&] { return replay->closed; }));
  CHECK(bert.heard.count(Kind::request) == 1);
  CHECK(bert.heard.count(Kind::link_closed) == 0);
  raw->write(frame(6, "still here"));
  CHECK(world.run_until([&] { return bert.heard.count(Kind::request) == 2; }));
}

TEST_CASE("an acceptor tells a peer of another version and closes") {
  TcpWorld world;
  Party bert(world, kBert);
  wire::Hello hello = hello_to(bert);
  hello.version = hello.min_version = wire::kProtocolVersion + 1;
  auto raw = RawStream::connect(world.loop, bert.identity.address);
  raw->write(std::string(kPeerRequest) + frame(wire::kHelloType, wire::encode(hello)) + frame(5, "unwanted"));
  REQUIRE(world.run_until([&] { return raw->closed; }));
  CHECK(reply_of(world, *raw).verdict == wire::Verdict::wrong_version);
  CHECK(bert.heard.events.empty());
  CHECK(world.log.size() == 1);
}

TEST_CASE("a peer that says nothing is closed when the handshake takes too long") {
  TcpWorld world;
  TcpTransportOptions options = world.options();
  options.handshake_timeout = std::chrono::milliseconds(5);
  auto transport = make_tcp_transport({&world.loop}, options);
  Recorder heard;
  transport->start({kBert, ClusterId{7}, *transport->listening()}, heard);
  auto raw = RawStream::connect(world.loop, *transport->listening());
  raw->write(kPeerRequest.substr(0, 10));
  CHECK(world.run_until([&] { return raw->closed; }));
  transport->stop();
}

/// Somebody else listens: says `answer` to whoever connects, or nothing.
struct Stranger {
  Stranger(TcpWorld& world, std::string says)
      : acceptor(world.loop, {asio::ip::address_v4::loopback(), 0}), answer(std::move(says)) {
    acceptor.async_accept([this](std::error_code error, asio::ip::tcp::socket socket) {
      if (error) return;
      raw = RawStream::on(std::move(socket));
      raw->write(answer);
    });
  }
  asio::ip::tcp::acceptor acceptor;
  std::string answer;
  std::shared_ptr<RawStream> raw;
};

std::error_code reason_from_stranger(TcpWorld& world, const std::string& answer) {
  TcpTransportOptions options = world.options();
  options.handshake_timeout = std::chrono::milliseconds(20);
  auto transport = make_tcp_transport({&world.loop}, options);
  Recorder heard;
  transport->start({kAnna, ClusterId{7}, *transport->listening()}, heard);
  Stranger stranger(world, answer);
  const Address address{"127.0.0.1", stranger.acceptor.local_endpoint().port()};
  transport->send({address, ClusterId{7}, kBert}, Lane::request, {5, "secret"});
  REQUIRE(world.run_until([&] { return heard.count(Kind::broken) == 1; }));
  REQUIRE(world.run_until([&] { return stranger.raw && stranger.raw->closed; }));
  CHECK(stranger.raw->received.find("secret") == std::string::npos);
  transport->stop();
  return heard.events.front().reason;
}

TEST_CASE("an HTTP server that is no dht node is unreachable, and the log says why") {
  TcpWorld world;
  CHECK(reason_from_stranger(world, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") == Errc::unreachable);
  REQUIRE(world.log.size() == 1);
  CHECK(world.log[0].find("is no dht node: it answered \"HTTP/1.1 404 Not Found\"") != std::string::npos);
}

TEST_CASE("silence is unreachable") {
  TcpWorld world;
  CHECK(reason_from_stranger(world, "") == Errc::unreachable);
}

TEST_CASE("an acceptor of another version is incompatible") {
  TcpWorld world;
  const wire::HelloReply refusal{.version = 9, .verdict = wire::Verdict::wrong_version};
  CHECK(reason_from_stranger(world, std::string(kPeerResponse) + frame(wire::kHelloReplyType, wire::encode(refusal))) ==
        Errc::incompatible);
  const wire::HelloReply unknown_version{.version = 9};
  CHECK(reason_from_stranger(
            world, std::string(kPeerResponse) + frame(wire::kHelloReplyType, wire::encode(unknown_version))) ==
        Errc::incompatible);
}

TEST_CASE("a switch of protocols followed by garbage is unreachable") {
  TcpWorld world;
  CHECK(reason_from_stranger(world, std::string(kPeerResponse) + std::string(100, 'x')) == Errc::unreachable);
}

TEST_CASE("an adopted connection goes on wherever its first bytes were split") {
  TcpWorld world;
  Party bert(world, kBert);
  TcpTransportOptions options = world.options();
  options.listen.reset();
  auto adopter = make_tcp_transport({&world.loop}, options);
  CHECK_FALSE(adopter->listening());
  Recorder heard;
  adopter->start(bert.identity, heard);
  const std::string bytes = frame(wire::kHelloType, wire::encode(hello_to(bert)));
  asio::ip::tcp::acceptor acceptor(world.loop, {asio::ip::address_v4::loopback(), 0});
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    heard.events.clear();
    auto raw = RawStream::connect(world.loop, {"", acceptor.local_endpoint().port()});
    std::string leftover = bytes.substr(0, split);
    adopter->adopt(asio::ip::tcp::socket(acceptor.accept()), leftover);
    leftover.assign(leftover.size(), '#');  // it must have been copied
    REQUIRE(world.run_until([&] { return raw->received.starts_with(kPeerResponse); }));
    raw->write(bytes.substr(split));
    raw->write(confirm(world, *raw) + frame(5, "first") + frame(6, "second"));
    REQUIRE(world.run_until([&] { return heard.count(Kind::request) == 2; }));
    REQUIRE(heard.all(Kind::request)[0].payload == "first");
    REQUIRE(heard.all(Kind::request)[1].payload == "second");
  }
  adopter->stop();
}

TEST_CASE("a socket handed to a transport that does not run is closed") {
  TcpWorld world;
  auto adopter = make_tcp_transport({&world.loop}, {});
  asio::ip::tcp::acceptor acceptor(world.loop, {asio::ip::address_v4::loopback(), 0});
  auto raw = RawStream::connect(world.loop, {"", acceptor.local_endpoint().port()});
  adopter->adopt(acceptor.accept(), "");
  CHECK(world.run_until([&] { return raw->closed; }));
}

}  // namespace
}  // namespace dht::testing
