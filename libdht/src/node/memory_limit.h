// MemoryLimit: whether what clients put still fits into the memory of those who would keep it: this node, as far as its
// own limit goes, and the other members, of which it is known whether they are full.
//
// A share of the limit is a reserve that clients' puts leave alone. It is for what is not refused: copies that are made
// anew, partitions that move here, the table of a joining node, and what other primaries send to this backup until they
// know that it is full.
//
// Thread rule: `news` on one thread at a time; all else may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <dht/log.h>
#include <dht/membership.h>
#include <dht/storage.h>
#include <dht/table.h>
#include <dht/types.h>

namespace dht::node {

class MemoryLimit {
 public:
  /// `max_bytes` zero: this node has no limit; others may have one. The storage outlives this.
  MemoryLimit(std::uint64_t max_bytes, std::uint64_t largest_value, const Storage& storage) noexcept;

  /// How far clients may fill a node: the rest is a tenth of the limit, or room for one largest value where that is
  /// more, but at most half of the limit.
  static std::uint64_t for_clients(std::uint64_t max_bytes, std::uint64_t largest_value) noexcept;

  /// False where nobody has a reason to refuse; for every write to ask first.
  bool may_refuse() const noexcept { return may_refuse_.load(std::memory_order_relaxed); }
  /// Whether this node has room for what a put adds. What it would overwrite is not taken into account.
  bool fits_here(const WriteRequest& put) noexcept;
  bool has_full_members() const noexcept { return has_full_members_.load(std::memory_order_relaxed); }
  bool is_one_full(std::span<const NodeId> nodes) const;

  void set_view(const MembershipView& view);

  /// Whether this node is full, for its report to the leader.
  bool report_full() noexcept;
  /// True once where the node has become full since it last reported that it was not.
  bool must_report() noexcept;

  struct News {
    LogLevel level = LogLevel::info;
    std::string line{};
  };
  /// What an operator should be told, once: that puts are refused here, and later that there is room again.
  std::optional<News> news();

 private:
  bool is_full() const noexcept { return max_bytes_ != 0 && storage_.memory_bytes() > for_clients_; }

  const std::uint64_t max_bytes_;
  const std::uint64_t for_clients_;
  const Storage& storage_;
  std::atomic<bool> may_refuse_;
  std::atomic<bool> has_full_members_ = false;
  std::atomic<bool> has_refused_ = false;  ///< since the last `news`
  std::atomic<bool> reported_full_ = false;
  bool told_full_ = false;

  mutable std::mutex mutex_;
  std::vector<NodeId> full_members_;
};

}  // namespace dht::node
