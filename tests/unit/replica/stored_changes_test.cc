// Which of a primary's changes its own storage has.
#include "replica/stored_changes.h"

#include <doctest/doctest.h>

namespace dht::replica {

TEST_CASE("what counts is up to where no change is missing, in whatever order they are stored") {
  StoredChanges changes;
  CHECK(changes.reached(4) == 4);
  const auto fifth = changes.begin(5);
  const auto sixth = changes.begin(6);
  const auto seventh = changes.begin(7);
  CHECK(changes.last().seq == 7);
  changes.end(sixth);
  CHECK(changes.reached(7) == 4);
  changes.end(fifth);
  CHECK(changes.reached(7) == 6);
  changes.end(seventh);
  CHECK(changes.is_idle());
  CHECK(changes.reached(7) == 7);
}

TEST_CASE("a change of before is nobody's any more, though another has its number") {
  StoredChanges changes;
  const auto former = changes.begin(1);
  changes.clear();
  const auto present = changes.begin(1);
  changes.end(former);
  CHECK(changes.reached(1) == 0);
  changes.end(present);
  CHECK(changes.reached(1) == 1);
}

}  // namespace dht::replica
