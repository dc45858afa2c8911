#include "wire/frame.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "wire/little_endian.h"

namespace dht::wire {
namespace {

// Offsets in the header.
constexpr std::size_t kLengthAt = 0;
constexpr std::size_t kChecksumAt = 4;
constexpr std::size_t kTypeAt = 8;
constexpr std::size_t kLaneAt = 10;
constexpr std::size_t kReservedAt = 11;

/// Over all of the frame but the checksum itself.
std::uint32_t checksum(std::string_view header, std::string_view payload) {
  std::uint32_t crc = base::crc32c(header.substr(kLengthAt, sizeof(std::uint32_t)));
  crc = base::extend_crc32c(crc, header.substr(kTypeAt, kFrameHeaderBytes - kTypeAt));
  return base::extend_crc32c(crc, payload);
}

}  // namespace

FrameHeader encode_frame_header(Frame frame, Lane lane) {
  DHT_ASSERT(frame.payload.size() <= kMaxFramePayload);
  FrameHeader header{};
  put_little_endian(header.data() + kLengthAt, static_cast<std::uint32_t>(frame.payload.size()));
  put_little_endian(header.data() + kTypeAt, frame.type);
  header[kLaneAt] = static_cast<char>(lane);
  put_little_endian(header.data() + kChecksumAt, checksum({header.data(), header.size()}, frame.payload));
  return header;
}

void append_frame(std::string& out, Frame frame, Lane lane) {
  const FrameHeader header = encode_frame_header(frame, lane);
  out.append(header.data(), header.size());
  out.append(frame.payload);
}

DecodedFrame decode_frame(std::string_view bytes, std::size_t max_payload) {
  using State = DecodedFrame::State;
  if (bytes.size() < kFrameHeaderBytes) return {.state = State::incomplete, .size = kFrameHeaderBytes};
  const auto length = get_little_endian<std::uint32_t>(bytes.data() + kLengthAt);
  if (length > max_payload) return {.state = State::oversized};
  const std::size_t size = kFrameHeaderBytes + length;
  if (bytes.size() < size) return {.state = State::incomplete, .size = size};

  const std::string_view payload = bytes.substr(kFrameHeaderBytes, length);
  if (get_little_endian<std::uint32_t>(bytes.data() + kChecksumAt) != checksum(bytes, payload)) {
    return {.state = State::corrupt};
  }
  const auto lane = static_cast<unsigned char>(bytes[kLaneAt]);
  if (lane >= kLanes || bytes[kReservedAt] != 0) return {.state = State::corrupt};
  return {.state = State::complete,
          .frame = {.type = get_little_endian<std::uint16_t>(bytes.data() + kTypeAt), .payload = payload},
          .lane = static_cast<Lane>(lane),
          .size = size};
}

}  // namespace dht::wire
