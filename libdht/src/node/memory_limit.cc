#include "node/memory_limit.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace dht::node {
namespace {

/// What an entry takes besides key and value: its header, the allocator's share, its place in the index.
constexpr std::uint64_t kEntryOverhead = 48;

}  // namespace

MemoryLimit::MemoryLimit(std::uint64_t max_bytes, std::uint64_t largest_value, const Storage& storage) noexcept
    : max_bytes_(max_bytes),
      for_clients_(for_clients(max_bytes, largest_value)),
      storage_(storage),
      may_refuse_(max_bytes != 0) {}

std::uint64_t MemoryLimit::for_clients(std::uint64_t max_bytes, std::uint64_t largest_value) noexcept {
  return max_bytes - std::min(std::max(max_bytes / 10, largest_value), max_bytes / 2);
}

bool MemoryLimit::fits_here(const WriteRequest& put) noexcept {
  if (max_bytes_ == 0) return true;
  const std::uint64_t added = put.key.size() + put.value.size() + kEntryOverhead;
  if (storage_.memory_bytes() + added <= for_clients_) return true;
  has_refused_.store(true, std::memory_order_relaxed);
  return false;
}

bool MemoryLimit::is_one_full(std::span<const NodeId> nodes) const {
  std::lock_guard lock(mutex_);
  return std::any_of(nodes.begin(), nodes.end(), [this](NodeId node) {
    return std::find(full_members_.begin(), full_members_.end(), node) != full_members_.end();
  });
}

void MemoryLimit::set_view(const MembershipView& view) {
  std::vector<NodeId> full;
  for (const MemberView& member : view.members) {
    if (member.is_full) full.push_back(member.node);
  }
  const bool has_full = !full.empty();
  if (!has_full && !has_full_members_) return;
  std::lock_guard lock(mutex_);
  full_members_ = std::move(full);
  has_full_members_ = has_full;
  may_refuse_ = max_bytes_ != 0 || has_full;
}

bool MemoryLimit::report_full() noexcept {
  const bool full = is_full();
  if (max_bytes_ != 0) reported_full_ = full;
  return full;
}

bool MemoryLimit::must_report() noexcept {
  return max_bytes_ != 0 && !reported_full_.load(std::memory_order_relaxed) && is_full() &&
         !reported_full_.exchange(true);
}

std::optional<MemoryLimit::News> MemoryLimit::news() {
  if (max_bytes_ == 0) return std::nullopt;
  const bool has_refused = has_refused_.exchange(false, std::memory_order_relaxed);
  const std::uint64_t used = storage_.memory_bytes();
  if (!told_full_ && (has_refused || used > for_clients_)) {
    told_full_ = true;
    return News{
        LogLevel::warning,
        fmt::format("memory is at its limit: entries take {} of {} bytes, and {} are kept for copies and moves; "
                    "puts are refused until entries are deleted or move to other members",
                    used, max_bytes_, max_bytes_ - for_clients_)};
  }
  // Well below, so that entries that come and go at the limit do not fill the log.
  if (told_full_ && used < for_clients_ - for_clients_ / 20) {
    told_full_ = false;
    return News{LogLevel::info, fmt::format("there is room again: entries take {} of {} bytes", used, max_bytes_)};
  }
  return std::nullopt;
}

}  // namespace dht::node
