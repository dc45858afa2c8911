// What every storage must pass: the one in memory, and the one that answers late.
#include <chrono>
#include <memory>

#include <dht/testing/late_storage.h>
#include <dht/testing/manual_scheduler.h>

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

TEST_CASE("the memory storage") {
  run_storage_checks([] { return std::make_unique<MemorySubject>(); });
}

TEST_CASE("a storage that answers late") {
  run_storage_checks([] { return std::make_unique<LateSubject>(); });
}

}  // namespace
}  // namespace dht::testing
