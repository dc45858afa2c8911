#include "replica/pending_writes.h"

#include <initializer_list>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>

namespace dht::replica {
namespace {

Effects::Done answer(std::vector<int>& order, int mark) {
  return {[&order, mark](std::error_code) { order.push_back(mark); }, {}};
}

void add(PendingWrites& pending, Seq seq, std::initializer_list<std::string_view> keys) {
  std::vector<StorageChange> changes;
  for (const std::string_view key : keys)
    changes.push_back({.kind = StorageChange::Kind::erase, .key = key});
  pending.add(seq, changes);
}

}  // namespace

TEST_CASE("the last pending write of a key is what its readers wait for") {
  PendingWrites pending;
  Effects effects;
  add(pending, 5, {"a"});
  add(pending, 6, {"b"});
  add(pending, 7, {"a", "c"});
  CHECK(pending.last_of("a") == 7);
  CHECK(pending.last_of("b") == 6);
  CHECK(pending.last_of("z") == 0);
  pending.commit(5, effects);
  CHECK(pending.last_of("a") == 7);
  CHECK_FALSE(pending.contains(5 - 1));
  pending.commit(7, effects);
  CHECK(pending.last_of("a") == 0);
  CHECK(pending.empty());
}

TEST_CASE("a commit gives out the answers up to its number, in order") {
  PendingWrites pending;
  std::vector<int> order;
  for (const Seq seq : {1U, 2U, 3U})
    add(pending, seq, {"a"});
  pending.hold(2, answer(order, 20));
  pending.hold(1, answer(order, 10));
  pending.hold(3, answer(order, 30));
  pending.hold(2, answer(order, 21));
  Effects effects;
  pending.commit(2, effects);
  for (auto& done : effects.done)
    done.handler(done.error);
  CHECK(order == std::vector<int>{10, 20, 21});
  CHECK(pending.contains(3));
}

TEST_CASE("what cannot be committed here any more is answered so, and nobody waits for it") {
  PendingWrites pending;
  std::vector<std::error_code> errors;
  add(pending, 1, {"a"});
  add(pending, 2, {});
  const auto note = [&errors](std::error_code error, auto&&...) { errors.push_back(error); };
  pending.hold(1, Effects::Write{note, {}});
  pending.hold(1, Effects::Read{note, {}});
  pending.hold(2, Effects::Done{note, {}});
  Effects effects;
  pending.fail(effects);
  for (auto& write : effects.writes)
    write.handler(write.outcome.error, write.outcome.result);
  for (auto& read : effects.reads)
    read.handler(read.outcome.error, std::nullopt);
  for (auto& done : effects.done)
    done.handler(done.error);
  CHECK(errors == std::vector<std::error_code>{Errc::outcome_unknown, Errc::not_applied, Errc::not_applied});
  CHECK(pending.empty());
  CHECK(pending.last_of("a") == 0);
}

TEST_CASE("after everything is committed the numbers may go on anywhere") {
  PendingWrites pending;
  Effects effects;
  add(pending, 1, {"a"});
  pending.commit(9, effects);
  add(pending, 12, {"a"});
  CHECK(pending.last_of("a") == 12);
  CHECK_FALSE(pending.contains(11));
}

}  // namespace dht::replica
