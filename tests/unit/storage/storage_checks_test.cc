// What every storage must pass: the one in memory, and the one that answers late.
#include <chrono>
#include <memory>

#include <dht/testing/late_storage.h>
#include <dht/testing/manual_scheduler.h>
#include <dht/testing/simulated_disk.h>

#include "run_storage_checks.h"

namespace dht::testing {
namespace {

class MemorySubject final : public StorageSubject {
 public:
  Storage& storage() override { return *storage_; }
  void reopen() override { storage_ = make_memory_storage(); }
  bool allows_threads() const override { return true; }

 private:
  std::unique_ptr<Storage> storage_ = make_memory_storage();
};

class LateSubject final : public StorageSubject {
 public:
  LateSubject() { LateSubject::reopen(); }
  Storage& storage() override { return *storage_; }
  void reopen() override {
    storage_.reset();
    storage_ = std::make_unique<LateStorage>(scheduler_, std::chrono::milliseconds(1), std::chrono::milliseconds(9));
  }
  bool run_until(const std::function<bool()>& condition) override { return scheduler_.run_until(condition); }

 private:
  ManualScheduler scheduler_;
  std::unique_ptr<Storage> storage_;
};

/// Each on a disk of its own, whose crashes take what they may.
class DiskSubject final : public StorageSubject {
 public:
  explicit DiskSubject(const DiskTimes& times) : times_(times), disk_(next_seed()) { DiskSubject::reopen(); }
  Storage& storage() override { return *storage_; }
  void reopen() override {
    storage_.reset();
    storage_ = disk_.open(scheduler_, times_);
  }
  bool crash() override {
    disk_.crash();
    return true;
  }
  bool run_until(const std::function<bool()>& condition) override { return scheduler_.run_until(condition); }
  bool keeps_answers() const override { return times_.syncs_answers; }

 private:
  static std::uint64_t next_seed() {
    static std::uint64_t seed = 0;
    return ++seed;
  }

  const DiskTimes times_;
  ManualScheduler scheduler_;
  SimulatedDisk disk_;
  std::unique_ptr<Storage> storage_;
};

TEST_CASE("a simulated disk") {
  using std::chrono::milliseconds;
  const DiskTimes at_once{};
  const DiskTimes slow{.call_min = milliseconds(1),
                       .call_max = milliseconds(9),
                       .sync_min = milliseconds(1),
                       .sync_max = milliseconds(20)};
  const DiskTimes careless{.sync_min = milliseconds(1), .sync_max = milliseconds(20), .syncs_answers = false};
  SUBCASE("at once") {
    run_storage_checks([&] { return std::make_unique<DiskSubject>(at_once); }, true);
  }
  SUBCASE("slow") {
    run_storage_checks([&] { return std::make_unique<DiskSubject>(slow); }, true);
  }
  SUBCASE("that answers before it is sure") {
    run_storage_checks([&] { return std::make_unique<DiskSubject>(careless); }, true);
  }
}

TEST_CASE("the memory storage") {
  run_storage_checks([] { return std::make_unique<MemorySubject>(); });
}

TEST_CASE("a storage that answers late") {
  run_storage_checks([] { return std::make_unique<LateSubject>(); });
}

}  // namespace
}  // namespace dht::testing
