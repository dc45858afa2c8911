// Frames: how bytes on a peer connection are cut into messages. The format is in libdht/doc/wire_format.md.
//
// Thread rule: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <dht/transport.h>

namespace dht::wire {

inline constexpr std::size_t kFrameHeaderBytes = 12;
using FrameHeader = std::array<char, kFrameHeaderBytes>;

/// Types from here on are the transport's own: never delivered to a receiver.
inline constexpr std::uint16_t kFirstTransportType = 0xFF00;

/// The header that goes before `frame.payload`, which must not exceed kMaxFramePayload.
FrameHeader encode_frame_header(Frame frame, Lane lane);
/// Appends header and payload.
void append_frame(std::string& out, Frame frame, Lane lane);

/// What stands at the front of the bytes received so far.
struct DecodedFrame {
  enum class State : std::uint8_t {
    complete,    ///< `frame`, `lane` and `size` are set
    incomplete,  ///< nothing wrong so far; `size` bytes are needed at least
    oversized,   ///< its payload is longer than allowed: close the connection
    corrupt,     ///< the checksum or a fixed field is wrong: close the connection
  };
  State state = State::incomplete;
  Frame frame{};  ///< the payload is a view into the bytes
  Lane lane = Lane::control;
  std::size_t size = 0;  ///< header and payload
};

/// Reads one frame where it lies. No byte of a frame is looked at before the whole frame is there, except for its
/// length.
DecodedFrame decode_frame(std::string_view bytes, std::size_t max_payload = kMaxFramePayload);

}  // namespace dht::wire
