#include "node/memory_limit.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace dht::node {
namespace {

class StorageDouble final : public Storage {
 public:
  std::unique_ptr<PartitionStorage> open(ClusterId, PartitionId) override { return nullptr; }
  std::uint64_t memory_bytes() const noexcept override { return bytes; }

  std::uint64_t bytes = 0;
};

constexpr std::uint64_t kLargestValue = 100;
/// A tenth of it is more than the largest value.
constexpr std::uint64_t kLimit = 10'000;
constexpr std::uint64_t kForClients = 9'000;

WriteRequest put(std::string_view key, std::string_view value) { return {WriteRequest::Kind::put, key, value}; }

MembershipView view_with_full(const std::vector<NodeId>& full) {
  MembershipView view;
  view.members.push_back({.node = NodeId{77}, .alive = true});
  for (const NodeId node : full)
    view.members.push_back({.node = node, .alive = true, .is_full = true});
  return view;
}

}  // namespace

TEST_CASE("the reserve is a tenth, at least a largest value, and at most half of the limit") {
  CHECK(MemoryLimit::for_clients(10'000, 100) == 9'000);
  CHECK(MemoryLimit::for_clients(10'000, 3'000) == 7'000);
  CHECK(MemoryLimit::for_clients(10'000, 1'000'000) == 5'000);
}

TEST_CASE("without a limit, and with nobody full, nothing can be refused") {
  StorageDouble storage;
  storage.bytes = 1'000'000'000'000;
  MemoryLimit memory(0, kLargestValue, storage);
  CHECK_FALSE(memory.may_refuse());
  CHECK(memory.fits_here(put("key", "value")));
  CHECK_FALSE(memory.report_full());
  CHECK_FALSE(memory.must_report());
  CHECK_FALSE(memory.news());
}

TEST_CASE("a put fits while it, with what an entry takes besides, stays below the reserve") {
  StorageDouble storage;
  MemoryLimit memory(kLimit, kLargestValue, storage);
  CHECK(memory.may_refuse());
  const std::string value(52, 'v');  // 100 bytes with the overhead of an entry
  storage.bytes = kForClients - 100;
  CHECK(memory.fits_here(put("", value)));
  CHECK_FALSE(memory.fits_here(put("k", value)));
  storage.bytes = kLimit * 2;  // moves go past the limit
  CHECK_FALSE(memory.fits_here(put("", "")));
  storage.bytes = 0;
  CHECK(memory.fits_here(put("k", value)));
}

TEST_CASE("which members are full is as the newest view says, with or without a limit here") {
  const StorageDouble storage;
  for (const std::uint64_t limit : {std::uint64_t{0}, kLimit}) {
    MemoryLimit memory(limit, kLargestValue, storage);
    memory.set_view(view_with_full({}));
    CHECK_FALSE(memory.has_full_members());
    memory.set_view(view_with_full({NodeId{2}, NodeId{3}}));
    CHECK(memory.may_refuse());
    CHECK(memory.has_full_members());
    CHECK(memory.is_one_full(std::vector{NodeId{5}, NodeId{3}}));
    CHECK_FALSE(memory.is_one_full(std::vector{NodeId{5}, NodeId{77}}));
    CHECK_FALSE(memory.is_one_full({}));
    memory.set_view(view_with_full({NodeId{2}}));
    CHECK_FALSE(memory.is_one_full(std::vector{NodeId{5}, NodeId{3}}));
    memory.set_view(view_with_full({}));
    CHECK_FALSE(memory.has_full_members());
    CHECK(memory.may_refuse() == (limit != 0));
  }
}

TEST_CASE("a node is full past the reserve, and that is to be reported before its time once for each report") {
  StorageDouble storage;
  MemoryLimit memory(kLimit, kLargestValue, storage);
  storage.bytes = kForClients;
  CHECK_FALSE(memory.must_report());
  CHECK_FALSE(memory.report_full());
  ++storage.bytes;
  CHECK(memory.must_report());
  CHECK_FALSE(memory.must_report());
  CHECK(memory.report_full());
  CHECK_FALSE(memory.must_report());
  --storage.bytes;
  CHECK_FALSE(memory.report_full());
  ++storage.bytes;
  CHECK(memory.must_report());
}

TEST_CASE("an operator is told once that puts are refused, and once that there is room again") {
  StorageDouble storage;
  MemoryLimit memory(kLimit, kLargestValue, storage);
  CHECK_FALSE(memory.news());
  storage.bytes = kForClients - 10;
  CHECK_FALSE(memory.news());
  CHECK_FALSE(memory.fits_here(put("key", "a value")));
  const auto full = memory.news();
  REQUIRE(full);
  CHECK(full->level == LogLevel::warning);
  CHECK(full->line.find("8990 of 10000 bytes") != std::string::npos);
  CHECK_FALSE(memory.fits_here(put("key", "a value")));
  CHECK_FALSE(memory.news());
  storage.bytes = kForClients - 200;
  CHECK_FALSE(memory.news());
  storage.bytes = kForClients / 2;
  const auto room = memory.news();
  REQUIRE(room);
  CHECK(room->level == LogLevel::info);
  CHECK_FALSE(memory.news());
}

}  // namespace dht::node
