// Data messages between nodes, written and read with their frames: what one costs, by the size of its value. A message
// is copied into its frame as a transport does it; reading checks the frame's checksum. Counters: bytes of one frame.
#include <cstdint>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "wire/data.h"
#include "wire/frame.h"
#include "wire/message_type.h"
#include "wire/stream.h"

namespace dht::wire {

namespace {

constexpr std::string_view kKey = "key:000000000001";

std::string value_of(const benchmark::State& state) {
  return std::string(static_cast<std::size_t>(state.range(0)), 'v');
}

RequestHeader request_header() { return {.request = 123'456, .deadline_ms = 5000, .partition = 700, .revision = 45}; }

GetMessage get_message() { return {.header = request_header(), .key = kKey}; }

WriteMessage put_message(std::string_view value) {
  return {.header = request_header(), .request = {WriteRequest::Kind::put, kKey, value}};
}

GetReply get_reply(std::string_view value) {
  return {
      .header = {.request = 123'456, .revision = 45}, .found = true, .version = 0x19'0000'0000'0001, .value = value};
}

/// One live write, as a primary sends it to a backup.
StreamPiece stream_piece(std::string_view value) {
  StreamPiece piece{.stream = {.partition = 700, .epoch = 3}, .index = 1000, .seq = 1000, .committed = 999};
  piece.last_version = 0x19'0000'0000'0001;
  piece.changes = {{.key = std::string(kKey), .value = std::string(value), .version = piece.last_version}};
  return piece;
}

StreamAck stream_ack() { return {.stream = {.partition = 700, .epoch = 3}, .index = 1000}; }

/// `out` keeps its memory, as a connection's output does.
template <typename Message>
void frame(std::string& out, MessageType type, Lane lane, const Message& message) {
  const std::string payload = encode(message);
  append_frame(out, {static_cast<std::uint16_t>(type), payload}, lane);
}

template <typename Message>
void write(benchmark::State& state, MessageType type, Lane lane, const Message& message) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    frame(out, type, lane, message);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
  state.counters["bytes"] = static_cast<double>(out.size());
}

template <typename Message, typename Decode>
void read(benchmark::State& state, MessageType type, Lane lane, const Message& message, Decode decode) {
  std::string bytes;
  frame(bytes, type, lane, message);
  for (auto _ : state) {
    const DecodedFrame decoded = decode_frame(bytes);
    auto result = decode(decoded.frame.payload);
    if (!result) state.SkipWithError("the message cannot be read");
    benchmark::DoNotOptimize(result);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
  state.counters["bytes"] = static_cast<double>(bytes.size());
}

void write_get(benchmark::State& state) { write(state, MessageType::get, Lane::request, get_message()); }
BENCHMARK(write_get);

void read_get(benchmark::State& state) { read(state, MessageType::get, Lane::request, get_message(), decode_get); }
BENCHMARK(read_get);

void write_get_reply(benchmark::State& state) {
  const std::string value = value_of(state);
  write(state, MessageType::get_reply, Lane::request, get_reply(value));
}
BENCHMARK(write_get_reply)->Arg(100)->Arg(65536);

void read_get_reply(benchmark::State& state) {
  const std::string value = value_of(state);
  read(state, MessageType::get_reply, Lane::request, get_reply(value), decode_get_reply);
}
BENCHMARK(read_get_reply)->Arg(100)->Arg(65536);

void write_put(benchmark::State& state) {
  const std::string value = value_of(state);
  write(state, MessageType::write, Lane::request, put_message(value));
}
BENCHMARK(write_put)->Arg(100)->Arg(65536);

void read_put(benchmark::State& state) {
  const std::string value = value_of(state);
  read(state, MessageType::write, Lane::request, put_message(value), decode_write);
}
BENCHMARK(read_put)->Arg(100)->Arg(65536);

void write_stream_piece(benchmark::State& state) {
  write(state, MessageType::stream_piece, Lane::replication, stream_piece(value_of(state)));
}
BENCHMARK(write_stream_piece)->Arg(100)->Arg(65536);

void read_stream_piece(benchmark::State& state) {
  read(state, MessageType::stream_piece, Lane::replication, stream_piece(value_of(state)), decode_stream_piece);
}
BENCHMARK(read_stream_piece)->Arg(100)->Arg(65536);

void write_stream_ack(benchmark::State& state) {
  write(state, MessageType::stream_ack, Lane::replication, stream_ack());
}
BENCHMARK(write_stream_ack);

void read_stream_ack(benchmark::State& state) {
  read(state, MessageType::stream_ack, Lane::replication, stream_ack(), decode_stream_ack);
}
BENCHMARK(read_stream_ack);

}  // namespace

}  // namespace dht::wire

BENCHMARK_MAIN();
