// A node whose storage fails serves nothing any more, rather than something wrong; others take over (dht/storage.h,
// "Failure").
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>
#include <dht/testing/cluster.h>
#include <dht/testing/faulty_storage.h>

namespace dht::testing {
namespace {

using namespace std::chrono_literals;
using Call = FaultyStorage::Call;

/// Three nodes, each with a storage that fails when it is told to.
struct Failing {
  Failing()
      : cluster(
            {.nodes = 3, .seed = 5, .node = {.partitions = 32}, .on_new_process = [this](const NewProcess& process) {
               auto storage = std::make_shared<FaultyStorage>(process.scheduler, make_memory_storage(process.node));
               process.parts.storage = storage.get();
               process.options.on_failure = [this, node = process.node](std::string_view sentence) {
                 told[node].emplace_back(sentence);
               };
               process.options.log = [this, node = process.node](LogLevel level, std::string_view line) {
                 if (level == LogLevel::error) errors[node] += line;
               };
               storages[process.node] = storage.get();
               return storage;
             }}) {
    for (int i = 0; i < kKeys; ++i)
      cluster.table(0).put(key(i), "a");
  }
  static constexpr int kKeys = 60;
  static std::string key(int i) { return "key" + std::to_string(i); }
  int found(std::size_t through, const std::string& value) {
    int count = 0;
    for (int i = 0; i < kKeys; ++i) {
      const auto entry = cluster.table(through).get(key(i));
      count += entry && entry->value.view() == value ? 1 : 0;
    }
    return count;
  }

  std::map<std::size_t, FaultyStorage*> storages;
  std::map<std::size_t, std::vector<std::string>> told;
  std::map<std::size_t, std::string> errors;
  Cluster cluster;
};

}  // namespace

TEST_CASE("a node whose storage fails falls silent, says why, and the others go on with everything") {
  for (std::size_t who = 0; who < 3; ++who) {
    CAPTURE(who);
    Failing failing;
    Cluster& cluster = failing.cluster;
    failing.storages[who]->fail_all(std::make_error_code(std::errc::io_error), "the disk has given up");
    REQUIRE(cluster.run_until([&] { return !failing.told[who].empty(); }, 5s));
    CHECK_FALSE(cluster.node(who).is_ready());
    CHECK(cluster.node(who).status().serving.empty());
    CHECK(failing.told[who] == std::vector<std::string>{"the disk has given up"});
    CHECK(failing.errors[who].find("the disk has given up") != std::string::npos);
    std::error_code error;
    cluster.table(who).put("key1", "b", error);
    CHECK(error == Errc::stopped);
    const std::size_t other = (who + 1) % 3;
    REQUIRE(cluster.run_until([&] { return cluster.node(other).status().unserved == 0; }, 30s));
    cluster.run_for(5s);
    CHECK(failing.found(other, "a") == Failing::kKeys);
    for (int i = 0; i < Failing::kKeys; ++i)
      cluster.table(other).put(Failing::key(i), "b");
    CHECK(failing.found((who + 2) % 3, "b") == Failing::kKeys);
  }
}

TEST_CASE("a write that the storage fails late is done or not done, and what is said of it later is true") {
  Failing failing;
  Cluster& cluster = failing.cluster;
  const std::size_t who = 1;
  failing.storages[who]->fail_after_writing(Call::apply, std::make_error_code(std::errc::io_error));
  std::map<std::string, std::error_code> outcomes;
  for (int i = 0; i < Failing::kKeys; ++i) {
    const std::string key = Failing::key(i);
    cluster.table(0).put(key, "b", [&, key](std::error_code error, WriteResult) { outcomes[key] = error; });
  }
  REQUIRE(cluster.run_until([&] { return outcomes.size() == Failing::kKeys; }, 30s));
  CHECK(failing.told[who].size() == 1);
  for (const auto& outcome : outcomes) {
    const std::string& key = outcome.first;
    const std::error_code error = outcome.second;
    CAPTURE(key);
    const std::string value(cluster.table(2).get(key)->value.view());
    if (!error) CHECK(value == "b");
    if (error == Errc::not_applied) CHECK(value == "a");
  }
}

}  // namespace dht::testing
