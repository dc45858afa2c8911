#include "replica/pending_writes.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace dht::replica {
namespace {

Effects::Done answer(std::vector<int>& order, int mark) {
  return {[&order, mark](std::error_code) { order.push_back(mark); }, {}};
}

}  // namespace

TEST_CASE("the last pending write of a key is what its readers wait for") {
  PendingWrites pending;
  Effects effects;
  pending.add(5, {"a"});
  pending.add(6, {"b"});
  pending.add(7, {"a", "c"});
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
    pending.add(seq, {"a"});
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

TEST_CASE("after everything is committed the numbers may go on anywhere") {
  PendingWrites pending;
  Effects effects;
  pending.add(1, {"a"});
  pending.commit(9, effects);
  pending.add(12, {"a"});
  CHECK(pending.last_of("a") == 12);
  CHECK_FALSE(pending.contains(11));
}

}  // namespace dht::replica
