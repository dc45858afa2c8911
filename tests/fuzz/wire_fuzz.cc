// Fuzzes everything that parses what peers send: frames, handshake, tagged fields and what is made of them, data
// messages, the cluster map. The first byte chooses the parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <dht/cluster_map.h>
#include <dht/peer_protocol.h>

#include "wire/control.h"
#include "wire/data.h"
#include "wire/frame.h"
#include "wire/handshake.h"
#include "wire/stream.h"
#include "wire/tagged.h"

namespace {

using namespace dht;
using namespace dht::wire;

/// What must hold whatever the input: else libFuzzer reports it as a crash.
void require(bool holds) {
  if (!holds) std::abort();
}

void fuzz_frames(std::string_view bytes) {
  while (true) {
    const DecodedFrame decoded = decode_frame(bytes, 1024);
    if (decoded.state == DecodedFrame::State::incomplete) require(decoded.size > bytes.size());
    if (decoded.state != DecodedFrame::State::complete) return;
    require(decoded.size == kFrameHeaderBytes + decoded.frame.payload.size());
    std::string again;
    append_frame(again, decoded.frame, decoded.lane);
    require(again == bytes.substr(0, decoded.size));
    bytes.remove_prefix(decoded.size);
  }
}

/// The checksum hides what is behind it from the fuzzer, so here the frame is sound and its payload is fuzzed.
void fuzz_handshake(std::string_view bytes) {
  if (const auto hello = decode_hello(bytes); hello && hello->opener.address.host.size() < 1000) {
    const std::string again = encode(*hello);
    require(again == bytes.substr(0, again.size()));
    const HelloReply reply = answer(*hello, {NodeId{1}, ClusterId{2}, {}});
    require(decode_hello_reply(encode(reply))->verdict == reply.verdict);
  }
  if (const auto reply = decode_hello_reply(bytes)) {
    const std::string again = encode(*reply);
    require(again == bytes.substr(0, again.size()));
  }
  (void)compare_prefix(bytes, kPeerRequest);
}

void fuzz_tagged(std::string_view bytes) {
  std::size_t fields = 0;
  TaggedReader reader(bytes);
  while (reader.next()) {
    ++fields;
    (void)reader.tag();
    (void)reader.u64();
    (void)reader.string();
  }
  require(fields <= bytes.size());
}

/// What was taken is taken again in the form that we would send.
template <typename Decode>
void require_stable(Decode decode, std::string_view bytes) {
  const auto message = decode(bytes);
  if (!message) return;
  const std::string sent = encode(*message);
  const auto again = decode(sent);
  require(again && encode(*again) == sent);
}

void fuzz_control(std::string_view bytes) {
  require_stable(decode_call, bytes);
  require_stable(decode_answer, bytes);
}

void fuzz_data(std::string_view bytes) {
  require_stable(decode_get, bytes);
  require_stable(decode_write, bytes);
  require_stable(decode_merge, bytes);
  require_stable(decode_drop_copies, bytes);
  require_stable(decode_get_reply, bytes);
  require_stable(decode_write_reply, bytes);
  require_stable(decode_done_reply, bytes);
  require_stable(decode_stream_piece, bytes);
  require_stable(decode_stream_ack, bytes);
}

void fuzz_map(std::string_view bytes) {
  if (const auto map = decode_cluster_map(bytes)) {
    require(!violation(*map));
    require(decode_cluster_map(encode(*map)) == *map);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      fuzz_frames(bytes);
      break;
    case 1:
      fuzz_handshake(bytes);
      break;
    case 2:
      fuzz_tagged(bytes);
      break;
    case 3:
      fuzz_control(bytes);
      break;
    case 4:
      fuzz_map(bytes);
      break;
    case 5:
      fuzz_data(bytes);
      break;
  }
  return 0;
}
