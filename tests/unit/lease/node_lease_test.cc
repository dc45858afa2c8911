// A node's own view of its lease. The paragraphs are those of the design: "Leader and leases" (6).
#include "lease/node_lease.h"

#include <vector>

#include <doctest/doctest.h>

#include "times.h"

namespace dht::lease {

TEST_CASE("6: a grant counts from the moment of its own ask, in whatever order answers come; the newest is echoed") {
  /// What happens to a lease of which three asks are open: 11 of the moment 0, 12 of 300 and 13 of 600.
  struct Case {
    const char* name;
    std::vector<wire::LeaseGrant> grants;  ///< in the order in which they come
    Instant until;
    std::uint64_t echo;  ///< in the next ask
  };
  const std::vector<Case> cases{
      {"no answer", {}, kNever, 0},
      {"one answer", {{11, 1000}}, at(900), 11},
      {"each in its turn", {{11, 1000}, {12, 1000}, {13, 1000}}, at(1500), 13},
      {"the older one late", {{13, 1000}, {11, 1000}}, at(1500), 13},
      {"the older one late, and longer", {{13, 100}, {11, 1000}}, at(900), 13},
      {"the same again", {{11, 1000}, {11, 5000}}, at(900), 11},
      {"one that was never asked for", {{14, 1000}, {10, 1000}, {0, 1000}}, kNever, 0},
      {"nothing granted", {{11, 0}}, kNever, 11},
      {"nothing granted after something", {{11, 1000}, {12, 0}}, at(900), 12},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    NodeLease lease;
    for (const std::uint64_t number : {11u, 12u, 13u}) {
      CHECK(lease.ask(number, at(300 * static_cast<std::int64_t>(number - 11))).number == number);
    }
    for (const wire::LeaseGrant& grant : row.grants)
      lease.on_grant(grant);
    CHECK(lease.until() == row.until);
    CHECK(lease.ask(20, at(900)) == wire::LeaseAsk{.number = 20, .echo = row.echo});
  }
}

TEST_CASE("6: a lease that a node begins with is prolonged, never shortened") {
  NodeLease lease(at(900));
  CHECK(lease.until() == at(900));
  lease.ask(1, at(100));
  lease.on_grant({1, 200});
  CHECK(lease.until() == at(900));
  lease.ask(2, at(300));
  lease.on_grant({2, 1000});
  CHECK(lease.until() == at(1200));
}

TEST_CASE("6: asks that nobody answers are forgotten, the oldest first") {
  NodeLease lease;
  for (std::uint64_t number = 1; number <= 33; ++number)
    lease.ask(number, at(static_cast<std::int64_t>(number)));
  lease.on_grant({1, 1000});
  CHECK(lease.until() == kNever);
  lease.on_grant({2, 1000});
  CHECK(lease.until() == at(902));
}

}  // namespace dht::lease
