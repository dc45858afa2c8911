// The parts of the transport that need no socket.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "net/backoff.h"
#include "net/frame_batch.h"
#include "net/outbox.h"
#include "net/printable.h"
#include "net/read_buffer.h"

namespace dht::net {
namespace {

using namespace std::chrono_literals;

TEST_CASE("back-off doubles up to its maximum, less up to half at random") {
  CHECK(backoff_delay(1, 50ms, 2000ms, 0) == 50ms);
  CHECK(backoff_delay(2, 50ms, 2000ms, 0) == 100ms);
  CHECK(backoff_delay(6, 50ms, 2000ms, 0) == 1600ms);
  CHECK(backoff_delay(7, 50ms, 2000ms, 0) == 2000ms);
  CHECK(backoff_delay(4'000'000'000u, 50ms, 2000ms, 0) == 2000ms);
  std::mt19937_64 random(4);
  for (int round = 0; round < 1000; ++round) {
    const auto delay = backoff_delay(3, 50ms, 2000ms, random());
    CHECK(delay >= 100ms);
    CHECK(delay <= 200ms);
  }
}

std::string joined(const std::vector<std::string>& chunks) {
  std::string all;
  for (const std::string& chunk : chunks)
    all += chunk;
  return all;
}

TEST_CASE("an outbox gathers small frames into few chunks, in order") {
  Outbox outbox(1'000'000);
  std::string expected;
  for (std::uint16_t number = 0; number < 1000; ++number) {
    const std::string payload = "frame " + std::to_string(number);
    CHECK(outbox.add(wire::encode_frame_header({number, payload}, Lane::request), payload));
    wire::append_frame(expected, {number, payload}, Lane::request);
  }
  std::vector<std::string> chunks;
  outbox.take(chunks);
  CHECK(joined(chunks) == expected);
  CHECK(chunks.size() == 1);
}

TEST_CASE("frames are taken a few at a time, in order, and what follows them is told") {
  std::string bytes;
  std::vector<std::string> payloads;
  for (std::uint16_t number = 0; number < 40; ++number) {
    payloads.push_back("frame " + std::to_string(number));
    wire::append_frame(bytes, {number, payloads.back()}, Lane::request);
  }
  const std::size_t whole = bytes.size();
  bytes += bytes.substr(0, 5);
  std::string_view rest(bytes);
  std::uint16_t expected = 0;
  FrameBatch batch;
  do {
    batch.decode(rest, Lane::request);
    for (const Frame& frame : batch.frames()) {
      CHECK(frame.type == expected);
      CHECK(frame.payload == payloads[expected++]);
      rest.remove_prefix(wire::kFrameHeaderBytes + frame.payload.size());
    }
  } while (batch.state() == FrameBatch::State::complete);
  CHECK(batch.state() == FrameBatch::State::incomplete);
  CHECK(expected == 40);
  CHECK(rest.size() == bytes.size() - whole);
}

TEST_CASE("what stands before a senseless frame is taken, and that one is not") {
  std::string bytes;
  wire::append_frame(bytes, {1, "good"}, Lane::request);
  const std::size_t good = bytes.size();
  FrameBatch batch;
  const auto state_with = [&](std::uint16_t type, Lane lane) {
    bytes.resize(good);
    wire::append_frame(bytes, {type, "bad"}, lane);
    batch.decode(bytes, Lane::request);
    CHECK(batch.frames().size() == 1);
    return batch.state();
  };
  CHECK(state_with(2, Lane::control) == FrameBatch::State::corrupt);
  CHECK(state_with(wire::kFirstTransportType, Lane::request) == FrameBatch::State::corrupt);
  bytes.resize(good);
  wire::append_frame(bytes, {2, "flipped"}, Lane::request);
  bytes.back() ^= 1;
  batch.decode(bytes, Lane::request);
  CHECK(batch.frames().size() == 1);
  CHECK(batch.state() == FrameBatch::State::corrupt);
}

TEST_CASE("an outbox keeps its limit until what was taken is written") {
  Outbox outbox(100);
  const std::string payload(38, 'x');  // 50 bytes with its header
  const auto header = wire::encode_frame_header({1, payload}, Lane::request);
  CHECK(outbox.add(header, payload));
  CHECK(outbox.add(header, payload));
  CHECK_FALSE(outbox.add(header, payload));
  std::vector<std::string> chunks;
  outbox.take(chunks);
  CHECK_FALSE(outbox.add(header, payload));
  outbox.written(chunks);
  CHECK(chunks.empty());
  CHECK(outbox.add(header, payload));
}

TEST_CASE("an empty outbox takes one frame of any size") {
  Outbox outbox(100);
  const std::string payload(100'000, 'x');
  const auto header = wire::encode_frame_header({1, payload}, Lane::request);
  CHECK(outbox.add(header, payload));
  CHECK_FALSE(outbox.add(wire::encode_frame_header({1, ""}, Lane::request), ""));
}

TEST_CASE("a read buffer gives back what was put in, whatever the pieces") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random(seed);
    ReadBuffer buffer;
    std::string model;
    for (int step = 0; step < 300; ++step) {
      if (random() % 3 != 0) {
        const auto space = buffer.space();
        REQUIRE_FALSE(space.empty());
        const std::size_t count = random() % std::min<std::size_t>(space.size() + 1, 1u << (random() % 17));
        for (std::size_t at = 0; at < count; ++at)
          space[at] = static_cast<char>(random());
        model.append(space.data(), count);
        buffer.received(count);
      } else {
        const std::size_t count = random() % 2 == 0 ? model.size() : random() % (model.size() + 1);
        buffer.consume(count);
        model.erase(0, count);
      }
      REQUIRE((buffer.bytes() == model));
    }
    buffer.append("the end");
    CHECK((buffer.bytes() == model + "the end"));
  }
}

TEST_CASE("what strangers say is cut and cleaned for the log") {
  CHECK(printable_start("HTTP/1.1 404 Not Found\r\nServer: x\r\n") == "HTTP/1.1 404 Not Found");
  CHECK(printable_start("\x01\x02 \xFF tab\t") == ".. . tab.");
  CHECK(printable_start(std::string(1000, 'x')).size() == 60);
  CHECK(printable_start("").empty());
}

}  // namespace
}  // namespace dht::net
