// FrameBatch: the next few whole frames of what has come on a connection, so that the receiver can be told of them
// before it is given the first.
//
// Thread rule: none of its own; use one object from one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <dht/transport.h>

#include "wire/frame.h"

namespace dht::net {

class FrameBatch {
 public:
  using State = wire::DecodedFrame::State;

  /// Decodes what `bytes` begins with, which the frames then view. Frames of another lane, and the transport's own, are
  /// corrupt.
  void decode(std::string_view bytes, Lane lane) {
    count_ = 0;
    for (state_ = State::complete; state_ == State::complete && count_ < kMost;) {
      const wire::DecodedFrame decoded = wire::decode_frame(bytes);
      state_ = decoded.state;
      if (state_ != State::complete) return;
      if (decoded.lane != lane || decoded.frame.type >= wire::kFirstTransportType) {
        state_ = State::corrupt;
        return;
      }
      frames_[count_++] = decoded.frame;
      bytes.remove_prefix(decoded.size);
    }
  }

  std::span<const Frame> frames() const noexcept { return {frames_.data(), count_}; }
  /// What follows the frames; `complete` where that has not been looked at.
  State state() const noexcept { return state_; }

 private:
  /// Of more at once the first ones' memory would be gone from the nearest caches before they are delivered.
  static constexpr std::size_t kMost = 16;

  std::array<Frame, kMost> frames_;
  std::size_t count_ = 0;
  State state_ = State::incomplete;
};

}  // namespace dht::net
