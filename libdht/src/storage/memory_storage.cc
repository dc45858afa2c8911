// The factories of the memory storage.
#include <cstdint>
#include <memory>
#include <random>

#include <dht/storage.h>

#include "storage/key_hash.h"
#include "storage/memory_partition.h"
#include "storage/memory_total.h"

namespace dht {
namespace {

class MemoryStorage final : public Storage {
 public:
  explicit MemoryStorage(std::uint64_t seed) noexcept : hash_(seed) {}

  /// Nothing outlives the object that held it, so a partition always opens empty.
  std::unique_ptr<PartitionStorage> open(ClusterId, PartitionId) override {
    return std::make_unique<storage::MemoryPartition>(hash_, &total_);
  }

  std::uint64_t memory_bytes() const noexcept override { return total_.bytes(); }

 private:
  const storage::SeededKeyHash hash_;
  storage::MemoryTotal total_;
};

}  // namespace

std::unique_ptr<Storage> make_memory_storage(std::uint64_t seed) { return std::make_unique<MemoryStorage>(seed); }

std::unique_ptr<Storage> make_memory_storage() {
  std::random_device random;
  return make_memory_storage((std::uint64_t{random()} << 32) | random());
}

}  // namespace dht
