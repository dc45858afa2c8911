#include "wire/handshake.h"

#include <string>

#include <doctest/doctest.h>

#include <dht/peer_protocol.h>

namespace dht::wire {
namespace {

Hello example() {
  return {.opener = {.node = NodeId{11}, .cluster = ClusterId{22}, .address = {"host.example", 9876}},
          .wanted_cluster = ClusterId{33},
          .wanted_node = NodeId{44},
          .lane = Lane::replication};
}
const LocalIdentity kSelf{.node = NodeId{44}, .cluster = ClusterId{33}, .address = {"here", 1}};

TEST_CASE("a hello comes back as it was written") {
  const auto decoded = decode_hello(encode(example()));
  REQUIRE(decoded);
  CHECK(decoded->version == kProtocolVersion);
  CHECK(decoded->min_version == kMinProtocolVersion);
  CHECK(decoded->opener.node == NodeId{11});
  CHECK(decoded->opener.cluster == ClusterId{22});
  CHECK(decoded->opener.address == Address{"host.example", 9876});
  CHECK(decoded->wanted_cluster == ClusterId{33});
  CHECK(decoded->wanted_node == NodeId{44});
  CHECK(decoded->lane == Lane::replication);
}

TEST_CASE("a reply comes back as it was written, an unknown verdict too") {
  const auto decoded = decode_hello_reply(encode(
      HelloReply{.version = 7, .verdict = static_cast<Verdict>(200), .node = NodeId{5}, .cluster = ClusterId{6}}));
  REQUIRE(decoded);
  CHECK(decoded->version == 7);
  CHECK(decoded->verdict == static_cast<Verdict>(200));
  CHECK(decoded->node == NodeId{5});
  CHECK(decoded->cluster == ClusterId{6});
}

TEST_CASE("fields of a later version at the end are skipped") {
  CHECK(decode_hello(encode(example()) + "later fields")->wanted_node == NodeId{44});
  CHECK(decode_hello_reply(encode(HelloReply{.node = NodeId{5}}) + "later fields")->node == NodeId{5});
}

TEST_CASE("a message cut short at any byte is refused") {
  const std::string hello = encode(example());
  for (std::size_t size = 0; size < hello.size(); ++size)
    CHECK_FALSE(decode_hello(hello.substr(0, size)));
  const std::string reply = encode(HelloReply{});
  for (std::size_t size = 0; size < reply.size(); ++size)
    CHECK_FALSE(decode_hello_reply(reply.substr(0, size)));
}

TEST_CASE("a hello that makes no sense is refused") {
  Hello hello = example();
  hello.lane = static_cast<Lane>(kLanes);
  CHECK_FALSE(decode_hello(encode(hello)));
  hello = example();
  hello.opener.node = {};
  CHECK_FALSE(decode_hello(encode(hello)));
  hello = example();
  hello.min_version = 9;
  CHECK_FALSE(decode_hello(encode(hello)));
}

TEST_CASE("an acceptor takes those who want it, and guests") {
  Hello hello = example();
  CHECK(answer(hello, kSelf).verdict == Verdict::accepted);
  CHECK(answer(hello, kSelf).version == kProtocolVersion);
  CHECK(answer(hello, kSelf).node == kSelf.node);
  CHECK(answer(hello, kSelf).cluster == kSelf.cluster);
  hello.wanted_cluster = {};
  CHECK(answer(hello, kSelf).verdict == Verdict::accepted);
  hello.wanted_node = {};
  CHECK(answer(hello, kSelf).verdict == Verdict::accepted);
}

TEST_CASE("an acceptor refuses those who want another cluster or node") {
  Hello hello = example();
  hello.wanted_cluster = ClusterId{99};
  CHECK(answer(hello, kSelf).verdict == Verdict::wrong_cluster);
  hello.wanted_node = NodeId{99};
  CHECK(answer(hello, kSelf).verdict == Verdict::wrong_node);
}

TEST_CASE("the newest common version is chosen, and none is a refusal") {
  Hello hello = example();
  hello.version = kProtocolVersion + 5;
  CHECK(answer(hello, kSelf).verdict == Verdict::accepted);
  CHECK(answer(hello, kSelf).version == kProtocolVersion);
  hello.min_version = kProtocolVersion + 1;
  CHECK(answer(hello, kSelf).verdict == Verdict::wrong_version);
  hello.version = hello.min_version = kMinProtocolVersion - 1;
  CHECK(answer(hello, kSelf).verdict == Verdict::wrong_version);
}

TEST_CASE("the fixed bytes are known from their first byte on") {
  for (std::size_t size = 0; size < kPeerRequest.size(); ++size) {
    CHECK(compare_prefix(kPeerRequest.substr(0, size), kPeerRequest) == Prefix::incomplete);
  }
  CHECK(compare_prefix(kPeerRequest, kPeerRequest) == Prefix::matches);
  CHECK(compare_prefix(std::string(kPeerRequest) + "more", kPeerRequest) == Prefix::matches);
  CHECK(compare_prefix("GET / HTTP/1.1\r\n", kPeerRequest) == Prefix::differs);
  CHECK(compare_prefix("X", kPeerRequest) == Prefix::differs);
}

}  // namespace
}  // namespace dht::wire
