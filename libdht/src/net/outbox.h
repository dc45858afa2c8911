// Outbox: the frames that wait for one connection. Small frames are gathered into chunks, so that those queued together
// leave in one write of few buffers.
//
// Thread rule: none of its own; the connection guards it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "wire/frame.h"

namespace dht::net {

class Outbox {
 public:
  /// `limit`: of `size()`.
  explicit Outbox(std::size_t limit) : limit_(limit) {}

  /// False where it would exceed the limit. A frame of any size goes into an empty outbox.
  bool add(const wire::FrameHeader& header, std::string_view payload);
  /// Bytes that are queued or being written.
  std::size_t size() const noexcept { return waiting_ + leaving_; }
  /// Moves all that waits to the end of `chunks`. It counts against the limit until `written`.
  void take(std::vector<std::string>& chunks);
  /// What was taken has left. The chunks are emptied, and one is kept for its memory.
  void written(std::vector<std::string>& chunks);

 private:
  std::size_t limit_;
  std::size_t waiting_ = 0;  ///< bytes in chunks_
  std::size_t leaving_ = 0;  ///< bytes taken and not yet written
  std::vector<std::string> chunks_;
  std::string spare_;
};

}  // namespace dht::net
