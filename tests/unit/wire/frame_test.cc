#include "wire/frame.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "wire/little_endian.h"

namespace dht::wire {
namespace {

using State = DecodedFrame::State;

std::string frame_bytes(std::uint16_t type, std::string_view payload, Lane lane = Lane::request) {
  std::string bytes;
  append_frame(bytes, {type, payload}, lane);
  return bytes;
}

TEST_CASE("a frame has the bytes that the format description gives") {
  const std::string bytes = frame_bytes(0x0102, "123456789", Lane::replication);
  REQUIRE(bytes.size() == kFrameHeaderBytes + 9);
  CHECK(bytes.substr(0, 4) == std::string("\x09\0\0\0", 4));
  CHECK(bytes.substr(8, 4) == std::string("\x02\x01\x02\0", 4));
  CHECK(bytes.substr(12) == "123456789");
}

TEST_CASE("a frame comes back as it was written, with its payload in place") {
  std::mt19937_64 random(1);
  for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 63u, 4096u, 100000u}) {
    std::string payload(size, '\0');
    for (char& byte : payload)
      byte = static_cast<char>(random());
    const std::string bytes = frame_bytes(77, payload) + "next";
    const DecodedFrame decoded = decode_frame(bytes);
    REQUIRE(decoded.state == State::complete);
    CHECK(decoded.frame.type == 77);
    CHECK(decoded.lane == Lane::request);
    CHECK(decoded.frame.payload == payload);
    CHECK(decoded.frame.payload.data() == bytes.data() + kFrameHeaderBytes);
    CHECK(decoded.size == kFrameHeaderBytes + size);
  }
}

TEST_CASE("a frame cut short at any byte is incomplete and names how much is needed") {
  const std::string bytes = frame_bytes(5, "some payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const DecodedFrame decoded = decode_frame(std::string_view(bytes).substr(0, size));
    CHECK(decoded.state == State::incomplete);
    CHECK(decoded.size == (size < kFrameHeaderBytes ? kFrameHeaderBytes : bytes.size()));
  }
}

TEST_CASE("a flipped bit anywhere is never taken for a frame") {
  const std::string good = frame_bytes(5, "some payload");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    CHECK(decode_frame(bad).state != State::complete);
  }
}

TEST_CASE("a length over the limit is refused before the payload has come") {
  char header[kFrameHeaderBytes] = {};
  put_little_endian(header, static_cast<std::uint32_t>(kMaxFramePayload + 1));
  CHECK(decode_frame({header, sizeof header}).state == State::oversized);
  put_little_endian(header, static_cast<std::uint32_t>(kMaxFramePayload));
  CHECK(decode_frame({header, sizeof header}).state == State::incomplete);
  put_little_endian(header, std::uint32_t{101});
  CHECK(decode_frame({header, sizeof header}, 100).state == State::oversized);
}

TEST_CASE("an unknown lane is corrupt even with a right checksum") {
  CHECK(decode_frame(frame_bytes(5, "payload", static_cast<Lane>(kLanes))).state == State::corrupt);
}

TEST_CASE("random bytes are never taken for a frame") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random());
    CHECK(decode_frame(bytes, 64).state != State::complete);
  }
}

}  // namespace
}  // namespace dht::wire
