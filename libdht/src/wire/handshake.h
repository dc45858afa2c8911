// The handshake: who opens a peer connection, for whom, and whether the acceptor takes it. Sent once in each direction,
// each as one frame after the fixed bytes of dht/peer_protocol.h. The format is in libdht/doc/wire_format.md.
//
// Thread rule: pure functions and plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <dht/transport.h>
#include <dht/types.h>

#include "wire/frame.h"

namespace dht::wire {

/// Versions of everything that peers send. A node speaks this one and the one before it.
inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr std::uint16_t kMinProtocolVersion = 1;

inline constexpr std::uint16_t kHelloType = kFirstTransportType + 1;
inline constexpr std::uint16_t kHelloReplyType = kFirstTransportType + 2;
inline constexpr std::uint16_t kConfirmType = 0xFF03;

/// Longest payload of either, with room for fields to come.
inline constexpr std::size_t kMaxHandshakePayload = 4096;

/// From the opener.
struct Hello {
  std::uint16_t version = kProtocolVersion;
  std::uint16_t min_version = kMinProtocolVersion;
  LocalIdentity opener{};
  ClusterId wanted_cluster{};  ///< zero: any, as a guest
  NodeId wanted_node{};        ///< zero: any
  Lane lane = Lane::control;
};

enum class Verdict : std::uint8_t { accepted, wrong_version, wrong_cluster, wrong_node };
/// Ends a sentence that begins with "refused: ".
std::string_view to_string(Verdict verdict) noexcept;

/// From the acceptor.
struct HelloReply {
  std::uint16_t version = kProtocolVersion;  ///< accepted: the version that both will speak; else the newest known here
  Verdict verdict = Verdict::accepted;
  NodeId node{};
  ClusterId cluster{};
  /// Random, new for every connection. The opener repeats it before its first frame, so that bytes recorded from
  /// another connection are no opener: they can neither deliver a frame nor take the place of a living connection.
  std::uint64_t nonce = 0;
};

std::string encode(const Hello& hello);
std::string encode(const HelloReply& reply);
/// The payload of the opener's Confirm.
std::string encode_confirm(std::uint64_t nonce);
/// Nothing where the bytes are not a whole message. Bytes after the last known field are skipped.
std::optional<Hello> decode_hello(std::string_view payload);
std::optional<HelloReply> decode_hello_reply(std::string_view payload);
std::optional<std::uint64_t> decode_confirm(std::string_view payload);

/// What an acceptor that is `self` says to `hello`. The newest version that both speak is chosen.
HelloReply answer(const Hello& hello, const LocalIdentity& self);

/// Whether the bytes received so far begin with those expected.
enum class Prefix : std::uint8_t { matches, incomplete, differs };
Prefix compare_prefix(std::string_view bytes, std::string_view expected) noexcept;

}  // namespace dht::wire
