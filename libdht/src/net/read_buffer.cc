#include "net/read_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace dht::net {
namespace {

constexpr std::size_t kUsualCapacity = 64 * 1024;
constexpr std::size_t kLeastSpace = 4 * 1024;
/// More is given back when the buffer is empty.
constexpr std::size_t kMostKept = 1024 * 1024;

}  // namespace

void ReadBuffer::consume(std::size_t count) {
  DHT_ASSERT(count <= end_ - begin_);
  begin_ += count;
}

std::span<char> ReadBuffer::space() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ == 0 || capacity_ > kMostKept) move_to(kUsualCapacity);
  }
  if (capacity_ - end_ < kLeastSpace) {
    // Moving down pays where it frees at least half; so each byte is moved a bounded number of times.
    move_to(begin_ >= capacity_ / 2 ? capacity_ : 2 * capacity_);
  }
  return {memory_.get() + end_, capacity_ - end_};
}

void ReadBuffer::received(std::size_t count) {
  DHT_ASSERT(count <= capacity_ - end_);
  end_ += count;
}

void ReadBuffer::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = space();
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    received(count);
    bytes.remove_prefix(count);
  }
}

void ReadBuffer::move_to(std::size_t capacity) {
  const std::size_t size = end_ - begin_;
  if (capacity == capacity_) {
    std::memmove(memory_.get(), memory_.get() + begin_, size);
  } else {
    auto memory = std::make_unique_for_overwrite<char[]>(capacity);
    if (size != 0) std::memcpy(memory.get(), memory_.get() + begin_, size);
    memory_ = std::move(memory);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = size;
}

}  // namespace dht::net
