// design.md 8, "copy of C": marks, their end by an ordinary write, dropping the unchanged ones, and the copy that a
// leaving node keeps.
#include "replica/copies.h"

#include <doctest/doctest.h>

#include "support.h"

namespace dht::replica {
namespace {

using testing::deliver;
using testing::Host;
using testing::kLearner;

constexpr ClusterId kMark{42};
constexpr ClusterId kOther{43};

void run_at_once(Function<void()> step) { step(); }

}  // namespace

TEST_CASE("an entry is marked where it still has the version, and keeps it") {
  Host host;
  host.serve(1);
  const Version version = host.put("a", "1")->outcome.result.version;
  host.mark_copy("a", version + 1, kMark);
  CHECK_FALSE(host.entries()["a"].copy_of);
  host.mark_copy("absent", version, kMark);
  host.mark_copy("a", version, kMark);
  CHECK(host.entries()["a"] == StoredEntry{Value(std::string("1")), version, kMark});
  host.put("a", "2");
  CHECK_FALSE(host.entries()["a"].copy_of);
}

TEST_CASE("with a slow storage a mark waits for its key's turn") {
  Host host;
  host.serve(1);
  const Version version = host.put("a", "1")->outcome.result.version;
  host.disk.slow = true;
  host.mark_copy("a", version, kMark);
  const auto put = host.put("a", "2");
  host.mark_copy("a", version, kMark);
  host.disk.complete_all();
  CHECK(put->is_there());
  CHECK(host.value("a") == "2");
  CHECK_FALSE(host.entries()["a"].copy_of);
}

TEST_CASE("unchanged copies are dropped, on the learners too, and nothing else") {
  for (const bool slow : {false, true}) {
    CAPTURE(slow);
    Host primary({.chunk_bytes = 20, .window_bytes = 1000});
    Host learner;
    primary.serve(1, {{kLearner, 1}});
    deliver(primary, learner);
    const auto put_marked = [&](const std::string& key, ClusterId mark) {
      const auto put = primary.put(key, "value");
      deliver(primary, learner);
      primary.mark_copy(key, put->outcome.result.version, mark);
    };
    for (int i = 0; i < 20; ++i)
      put_marked("copy" + std::to_string(i), kMark);
    put_marked("other", kOther);
    put_marked("changed", kMark);
    primary.put("changed", "again");
    primary.put("own", "value");
    deliver(primary, learner);

    primary.disk.slow = slow;
    const auto dropped = primary.drop_copies(kMark);
    primary.disk.complete_all();
    deliver(primary, learner);
    CHECK_FALSE(dropped->error());
    CHECK(primary.entries().size() == 3);
    CHECK(primary.value("changed") == "again");
    CHECK(learner.entries() == primary.entries());
    CHECK(primary.drop_copies(kMark)->is_there() == !slow);
    primary.disk.complete_all();
  }
}

TEST_CASE("dropping copies says so where the storage fails") {
  Host host;
  host.serve(1);
  host.disk.error = Errc::corrupt;
  CHECK(host.drop_copies(kMark)->error() == Errc::not_applied);
}

TEST_CASE("what a leaving node keeps: all entries with their versions, marked, and the highest version") {
  for (const bool slow : {false, true}) {
    for (const int count : {0, 1, 3000}) {
      CAPTURE(slow);
      CAPTURE(count);
      testing::Disk disk;
      testing::SlowStorage from(disk);
      testing::SlowStorage to(disk);
      for (int i = 0; i < count; ++i) {
        const std::string key = "key" + std::to_string(i);
        const StorageChange change{.kind = StorageChange::Kind::put,
                                   .key = key,
                                   .value = std::string_view("a value of some length"),
                                   .version = static_cast<Version>(i) + 10};
        REQUIRE(from.apply({&change, 1}, {}, nullptr));
      }
      disk.slow = slow;
      int calls = 0;
      copy_as_marked(from, to, kMark, run_at_once, [&](std::error_code error, Version highest) {
        ++calls;
        CHECK_FALSE(error);
        CHECK(highest == (count == 0 ? 0 : static_cast<Version>(count) + 9));
      });
      disk.complete_all();
      CHECK(calls == 1);
      CHECK(to.statistics() == from.statistics());
      if (count > 0) {
        disk.slow = false;
        CHECK(to.get("key0", nullptr)->entry == StoredEntry{Value(std::string("a value of some length")), 10, kMark});
      }
    }
  }
}

TEST_CASE("a copy ends with the storage's error") {
  for (const bool slow : {false, true}) {
    CAPTURE(slow);
    testing::Disk disk;
    testing::Disk failing;
    testing::SlowStorage from(disk);
    testing::SlowStorage to(failing);
    const StorageChange change{.kind = StorageChange::Kind::put, .key = "a", .value = "1", .version = 10};
    REQUIRE(from.apply({&change, 1}, {}, nullptr));
    disk.slow = failing.slow = slow;
    failing.error = Errc::corrupt;
    std::vector<std::error_code> errors;
    copy_as_marked(from, to, kMark, run_at_once, [&](std::error_code error, Version) { errors.push_back(error); });
    disk.complete_all();
    failing.complete_all();
    CHECK(errors == std::vector<std::error_code>{Errc::corrupt});
  }
}

TEST_CASE("whoever serves a kept copy goes on with greater versions") {
  Host host;
  const Version highest = Version{9'000'000} << 16;
  host.replica().raise_clock(highest);
  host.serve(1);
  CHECK(host.put("a", "1")->outcome.result.version > highest);
}

}  // namespace dht::replica
