// ReadBuffer: the bytes received on a connection and not yet taken. Frames are parsed where they lie, so a whole frame
// is always in one piece.
//
// Thread rule: none of its own; one connection uses it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace dht::net {

class ReadBuffer {
 public:
  /// What has come and was not consumed. Valid until the next call of `space` or `append`.
  std::string_view bytes() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count);

  /// Where to read to: never empty. Grows with what has really come, never by what a header promises.
  std::span<char> space();
  void received(std::size_t count);
  void append(std::string_view bytes);

 private:
  void move_to(std::size_t capacity);

  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace dht::net
