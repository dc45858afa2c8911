// design.md 8: "A merged entry is a numbered conditional put that takes effect once, and its version raises the
// partition's clock"; "the newer version winning (ties keep what is there)".
#include "replica/merge.h"

#include <doctest/doctest.h>

#include "base/hybrid_clock.h"
#include "support.h"

namespace dht::replica {
namespace {

using testing::Host;

constexpr NodeId kJoiner{11};
constexpr ClusterId kTheirs{22};
constexpr ClusterId kThird{33};

wire::Change put(std::string key, std::string value, Version version) {
  return {StorageChange::Kind::put, std::move(key), std::move(value), version, {}};
}
wire::Change erase(std::string key, Version version) {
  return {StorageChange::Kind::erase, std::move(key), {}, version, {}};
}
wire::MergeBatch batch(std::uint64_t number, std::vector<wire::Change> changes) {
  return {.joiner = kJoiner, .from = kTheirs, .number = number, .changes = std::move(changes)};
}

}  // namespace

TEST_CASE("whether a merged change takes effect") {
  const auto there = [](Version version, ClusterId copy_of = {}) {
    return std::optional<ExistingEntry>({version, copy_of});
  };
  SUBCASE("a put: where the key is absent, older, or an unchanged copy of the joiner's cluster") {
    CHECK(takes_effect(put("k", "v", 5), std::nullopt, kTheirs));
    CHECK(takes_effect(put("k", "v", 5), there(4), kTheirs));
    CHECK_FALSE(takes_effect(put("k", "v", 5), there(5), kTheirs));
    CHECK_FALSE(takes_effect(put("k", "v", 5), there(6), kTheirs));
    CHECK(takes_effect(put("k", "v", 5), there(6, kTheirs), kTheirs));
    CHECK_FALSE(takes_effect(put("k", "v", 5), there(6, kThird), kTheirs));
    CHECK_FALSE(takes_effect(put("k", "v", 5), there(6), ClusterId{}));
  }
  SUBCASE("an erase: only against its own version") {
    CHECK_FALSE(takes_effect(erase("k", 5), std::nullopt, kTheirs));
    CHECK_FALSE(takes_effect(erase("k", 5), there(4), kTheirs));  // the host's own entry
    CHECK(takes_effect(erase("k", 5), there(5), kTheirs));
    CHECK_FALSE(takes_effect(erase("k", 5), there(6), kTheirs));
  }
}

TEST_CASE("a merge puts what is absent or older and keeps what is newer") {
  Host host;
  host.serve(1);
  const Version mine = host.put("kept", "mine")->outcome.result.version;
  host.put("replaced", "mine");
  const auto done = host.merge(
      batch(1, {put("kept", "theirs", mine - 1), put("replaced", "theirs", mine + 1000), put("new", "theirs", 3)}));
  CHECK_FALSE(done->error());
  CHECK(host.value("kept") == "mine");
  CHECK(host.value("replaced") == "theirs");
  CHECK(host.value("new") == "theirs");
  CHECK(host.entries()["new"].version == 3);
}

TEST_CASE("a merged version raises the clock, even where the entry is not taken") {
  Host host;
  host.serve(1);
  const Version far = Version{5'000'000} << 16;
  host.merge(batch(1, {erase("absent", far)}));
  CHECK(host.put("a", "1")->outcome.result.version > far);
}

TEST_CASE("a batch takes effect once, by its number") {
  Host host;
  host.serve(1);
  host.merge(batch(1, {put("a", "theirs", 5)}));
  host.erase("a");
  CHECK_FALSE(host.merge(batch(1, {put("a", "theirs", 5)}))->error());
  CHECK(host.value("a") == "(none)");
}

TEST_CASE("a map that is older than a joiner's registration does not make its numbers forgotten") {
  Host host;
  host.serve(1);
  wire::MergeBatch first = batch(1, {put("a", "1", 5)});
  first.by = 7;
  CHECK_FALSE(host.merge(first)->error());
  host.replica().forget_merges(6);  // nobody joins by that map: this joiner came later
  host.erase("a");
  CHECK_FALSE(host.merge(first)->error());
  CHECK(host.value("a") == "(none)");
  CHECK_FALSE(host.merge(batch(2, {put("b", "1", 5)}))->error());
}

TEST_CASE("numbers are counted per joiner, and forgotten when its join is over") {
  Host host;
  host.serve(1);
  CHECK_FALSE(host.merge(batch(1, {put("a", "1", 5)}))->error());
  auto others = batch(1, {put("b", "1", 5)});
  others.joiner = NodeId{12};
  CHECK_FALSE(host.merge(others)->error());
  CHECK(host.value("b") == "1");
  host.replica().forget_merges(1);
  host.merge(batch(1, {put("c", "1", 5)}));
  CHECK(host.value("c") == "1");
}

TEST_CASE("a number that skips one, and changes that make no sense, are refused and change nothing") {
  Host host;
  host.serve(1);
  const auto refused = [&](wire::MergeBatch bad) {
    return host.merge(std::move(bad))->error() == Errc::invalid_argument;
  };
  CHECK(refused(batch(2, {put("a", "1", 5)})));
  CHECK(refused(batch(0, {put("a", "1", 5)})));
  CHECK(refused(batch(1, {put("", "1", 5)})));
  CHECK(refused(batch(1, {put("a", "1", 5), put("b", "1", 0)})));
  CHECK(refused(batch(1, {put("a", "1", base::HybridClock::kLimit)})));
  CHECK(host.entries().empty());
  CHECK_FALSE(host.merge(batch(1, {put("a", "1", 5)}))->error());  // none of them used the number up
}

TEST_CASE("changes to one key inside a batch are decided one after the other") {
  Host host;
  host.serve(1);
  host.merge(batch(1, {put("a", "old", 5), erase("a", 5), put("b", "1", 7), put("b", "2", 6), put("c", "1", 8),
                       erase("c", 9), put("c", "2", 10)}));
  CHECK(host.value("a") == "(none)");
  CHECK(host.value("b") == "1");
  CHECK(host.value("c") == "2");
}

TEST_CASE("a storage that fails leaves a batch undone, to be sent again") {
  Host host;
  host.serve(1);
  host.disk.error = Errc::corrupt;
  CHECK(host.merge(batch(1, {put("a", "1", 5)}))->error() == Errc::not_applied);
  host.disk.error = {};
  CHECK_FALSE(host.merge(batch(1, {put("a", "1", 5)}))->error());
  CHECK(host.value("a") == "1");
}

TEST_CASE("with a slow storage a merge has the partition alone, and clients go on after it") {
  Host host;
  host.serve(1);
  host.disk.slow = true;
  const auto before = host.put("a", "1");
  const auto merged = host.merge(batch(1, {put("a", "theirs", Version{9'000'000} << 16), put("b", "theirs", 5)}));
  const auto after = host.get("b");
  const auto again = host.put("a", "2");
  host.disk.complete_all();
  CHECK_FALSE(before->error());
  CHECK_FALSE(merged->error());
  CHECK(after->outcome.entry->value.view() == "theirs");
  CHECK(again->outcome.result.version > (Version{9'000'000} << 16));
  CHECK(host.value("a") == "2");
}

}  // namespace dht::replica
