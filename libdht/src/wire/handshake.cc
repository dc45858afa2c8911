#include "wire/handshake.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/fixed.h"

namespace dht::wire {

std::string_view to_string(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::accepted:
      return "accepted";
    case Verdict::wrong_version:
      return "it speaks another version of the protocol";
    case Verdict::wrong_cluster:
      return "it is not a member of that cluster";
    case Verdict::wrong_node:
      return "it is another node";
  }
  return "for a reason that this version does not know";
}

std::string encode(const Hello& hello) {
  DHT_ASSERT(hello.opener.address.host.size() <= kMaxHandshakePayload / 2);
  return encode_fixed([&](auto& out) {
    out.put(hello.version);
    out.put(hello.min_version);
    out.put(hello.lane);
    out.put(hello.opener.node.value);
    out.put(hello.opener.cluster.value);
    out.put(hello.wanted_cluster.value);
    out.put(hello.wanted_node.value);
    out.put(hello.opener.address.port);
    out.put_bytes(hello.opener.address.host);
  });
}

std::optional<Hello> decode_hello(std::string_view payload) {
  FixedReader reader(payload);
  Hello hello;
  hello.version = reader.get<std::uint16_t>();
  hello.min_version = reader.get<std::uint16_t>();
  hello.lane = reader.get_enum(Lane::replication);
  hello.opener.node.value = reader.get<std::uint64_t>();
  hello.opener.cluster.value = reader.get<std::uint64_t>();
  hello.wanted_cluster.value = reader.get<std::uint64_t>();
  hello.wanted_node.value = reader.get<std::uint64_t>();
  hello.opener.address.port = reader.get<std::uint16_t>();
  hello.opener.address.host = reader.get_bytes();
  if (!reader.ok() || !hello.opener.node || hello.min_version > hello.version) return std::nullopt;
  return hello;
}

std::string encode(const HelloReply& reply) {
  return encode_fixed([&](auto& out) {
    out.put(reply.version);
    out.put(reply.verdict);
    out.put(reply.node.value);
    out.put(reply.cluster.value);
    out.put(reply.nonce);
  });
}

std::string encode_confirm(std::uint64_t nonce) {
  return encode_fixed([nonce](auto& out) { out.put(nonce); });
}

std::optional<std::uint64_t> decode_confirm(std::string_view payload) {
  FixedReader reader(payload);
  const auto nonce = reader.get<std::uint64_t>();
  if (!reader.ok()) return std::nullopt;
  return nonce;
}

std::optional<HelloReply> decode_hello_reply(std::string_view payload) {
  FixedReader reader(payload);
  HelloReply reply;
  reply.version = reader.get<std::uint16_t>();
  // A verdict of a later version is kept as it is: whatever is not `accepted` is a refusal.
  reply.verdict = static_cast<Verdict>(reader.get<std::uint8_t>());
  reply.node.value = reader.get<std::uint64_t>();
  reply.cluster.value = reader.get<std::uint64_t>();
  reply.nonce = reader.get<std::uint64_t>();
  if (!reader.ok()) return std::nullopt;
  return reply;
}

HelloReply answer(const Hello& hello, const LocalIdentity& self) {
  HelloReply reply{.node = self.node, .cluster = self.cluster};
  const std::uint16_t newest = std::min(hello.version, kProtocolVersion);
  if (newest < hello.min_version || newest < kMinProtocolVersion) {
    reply.verdict = Verdict::wrong_version;
  } else if (hello.wanted_node && hello.wanted_node != self.node) {
    reply.verdict = Verdict::wrong_node;
  } else if (hello.wanted_cluster && hello.wanted_cluster != self.cluster) {
    reply.verdict = Verdict::wrong_cluster;
  } else {
    reply.version = newest;
  }
  return reply;
}

Prefix compare_prefix(std::string_view bytes, std::string_view expected) noexcept {
  const std::size_t common = std::min(bytes.size(), expected.size());
  if (bytes.substr(0, common) != expected.substr(0, common)) return Prefix::differs;
  return common == expected.size() ? Prefix::matches : Prefix::incomplete;
}

}  // namespace dht::wire
