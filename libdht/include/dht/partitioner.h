// Partitioner: which partition a key belongs to.
//
// Implementations: `HashSlotPartitioner`, the hash slots of the Redis Cluster specification.
//
// Thread rule: immutable, usable from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <dht/types.h>

namespace dht {

inline constexpr std::uint32_t kHashSlots = 16384;
inline constexpr std::uint32_t kDefaultPartitions = 1024;

class Partitioner {
 public:
  virtual ~Partitioner() = default;
  /// Less than `partitions` (a valid count), and the same on every node and in every version.
  virtual PartitionId partition_of(std::string_view key, std::uint32_t partitions) const noexcept = 0;
};

/// CRC16 (XMODEM) of the key, or of its first {tag} if that is not empty, modulo 16384.
/// Source: Redis Cluster specification, "Key distribution model" and "Hash tags".
std::uint32_t hash_slot(std::string_view key) noexcept;

/// True for what a cluster may be founded with: a power of two from 1 to 16384.
bool is_valid_partition_count(std::uint32_t partitions) noexcept;

/// partition = slot * partitions / 16384: consecutive slots share a partition.
class HashSlotPartitioner final : public Partitioner {
 public:
  PartitionId partition_of(std::string_view key, std::uint32_t partitions) const noexcept override;
};

}  // namespace dht
