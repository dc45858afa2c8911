#include "net/outbox.h"

#include <utility>

namespace dht::net {
namespace {

/// A chunk that has reached this size is not added to.
constexpr std::size_t kChunkBytes = 64 * 1024;

}  // namespace

bool Outbox::add(const wire::FrameHeader& header, std::string_view payload) {
  const std::size_t size = header.size() + payload.size();
  if (this->size() != 0 && this->size() + size > limit_) return false;
  if (chunks_.empty() || chunks_.back().size() + size > kChunkBytes) {
    chunks_.push_back(std::exchange(spare_, {}));
    if (size > kChunkBytes) chunks_.back().reserve(size);
  }
  chunks_.back().append(header.data(), header.size());
  chunks_.back().append(payload);
  waiting_ += size;
  return true;
}

void Outbox::take(std::vector<std::string>& chunks) {
  for (std::string& chunk : chunks_)
    chunks.push_back(std::move(chunk));
  chunks_.clear();
  leaving_ += std::exchange(waiting_, 0);
}

void Outbox::written(std::vector<std::string>& chunks) {
  leaving_ = 0;
  if (!chunks.empty() && chunks.front().capacity() <= 2 * kChunkBytes) {
    spare_ = std::move(chunks.front());
    spare_.clear();
  }
  chunks.clear();
}

}  // namespace dht::net
