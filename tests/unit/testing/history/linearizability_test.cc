// Histories that are known to be right or wrong, most of them from the literature on registers.

#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include <dht/testing/linearizability.h>

#include "operations.h"

namespace {

using dht::testing::check_linearizability;
using dht::testing::Verdict;
using namespace histories;

bool is_good(const History& history) { return check_linearizability(history).verdict == Verdict::linearizable; }

TEST_CASE("one client after another sees what was written last") {
  CHECK(is_good({}));
  CHECK(is_good({get_nothing({1, 2})}));
  CHECK(is_good({put({1, 2}, "a"), get({3, 4}, "a"), put({5, 6}, "b"), get({7, 8}, "b")}));
  CHECK(is_good({put({1, 2}, "a"), erase({3, 4}), get_nothing({5, 6})}));
}

TEST_CASE("a stale read, of a value that was overwritten before it began, is wrong") {
  CHECK_FALSE(is_good({put({1, 2}, "a"), put({3, 4}, "b"), get({5, 6}, "a")}));
}

TEST_CASE("an acknowledged write that is not seen afterwards is lost") {
  CHECK_FALSE(is_good({put({1, 2}, "a"), get_nothing({3, 4})}));
}

TEST_CASE("an entry that comes back after its erasure is wrong") {
  CHECK_FALSE(is_good({put({1, 2}, "a"), erase({3, 4}), get({5, 6}, "a")}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), erase({3, 4}), get_nothing({5, 6}), get({7, 8}, "a")}));
}

TEST_CASE("a value that nobody wrote is wrong") { CHECK_FALSE(is_good({put({1, 2}, "a"), get({3, 4}, "z")})); }

TEST_CASE("a value that is read before it is written is wrong") {
  CHECK_FALSE(is_good({get({1, 2}, "a"), put({3, 4}, "a")}));
}

TEST_CASE("a read that overlaps a write may see it or not") {
  CHECK(is_good({put({1, 2}, "a"), put({3, 6}, "b"), get({4, 5}, "a")}));
  CHECK(is_good({put({1, 2}, "a"), put({3, 6}, "b"), get({4, 5}, "b")}));
}

TEST_CASE("two reads during one write must not see the new value and then the old one") {
  // The new-old inversion that tells an atomic register from a regular one (Lamport, "On interprocess communication").
  const auto reads = [](const std::string& first, const std::string& second) {
    return History{put({1, 2}, "a"), put({3, 10}, "b"), get({4, 5}, first), get({6, 7}, second)};
  };
  CHECK(is_good(reads("a", "a")));
  CHECK(is_good(reads("a", "b")));
  CHECK(is_good(reads("b", "b")));
  CHECK_FALSE(is_good(reads("b", "a")));
}

TEST_CASE("overlapping reads during one write may see the two values in either order") {
  CHECK(is_good({put({1, 2}, "a"), put({3, 10}, "b"), get({4, 8}, "b"), get({5, 9}, "a")}));
}

TEST_CASE("two concurrent writes have one order for everybody") {
  // Two readers that disagree about the order: fine for causal memory, not for an atomic register.
  CHECK(is_good({put({1, 10}, "a"), put({1, 10}, "b"), get({2, 3}, "a"), get({4, 5}, "b"), get({6, 7}, "b")}));
  CHECK_FALSE(is_good({put({1, 4}, "a"), put({1, 4}, "b"), get({5, 6}, "a"), get({7, 8}, "b")}));
  CHECK_FALSE(is_good({put({1, 10}, "a"), put({1, 10}, "b"), get({2, 3}, "a"), get({4, 5}, "b"), get({6, 7}, "a")}));
}

TEST_CASE("what Herlihy and Wing call sequentially consistent is not enough") {
  // Each client's own order alone would allow it: the reader lags behind.
  CHECK_FALSE(is_good({put({1, 2}, "a"), get_nothing({3, 4}), get({5, 6}, "a")}));
}

TEST_CASE("Herlihy and Wing's register histories, with the values of their paper as letters") {
  // "Linearizability: a correctness condition for concurrent objects" (1990), 1.2: H5 to H7 as puts and gets.
  CHECK(is_good({put({1, 6}, "z"), put({2, 4}, "o"), get({3, 5}, "o"), get({7, 8}, "z")}));
  CHECK(is_good({put({1, 2}, "z"), put({3, 6}, "o"), get({4, 5}, "o"), get({5, 7}, "o")}));
  CHECK_FALSE(is_good({put({1, 2}, "z"), put({3, 8}, "o"), get({4, 5}, "o"), get({6, 7}, "z")}));
}

TEST_CASE("a write of unknown outcome may take effect late or never") {
  CHECK(is_good({put({1, 2}, "a"), put({3, 0}, "b"), get({4, 5}, "a"), get({6, 7}, "a")}));
  CHECK(is_good({put({1, 2}, "a"), put({3, 0}, "b"), get({4, 5}, "a"), get({6, 7}, "b")}));
  CHECK(is_good({put({1, 2}, "a"), put({3, 0}, "b"), put({4, 5}, "c"), get({6, 7}, "c"), get({8, 9}, "b")}));
}

TEST_CASE("a write of unknown outcome takes effect once, and not before its call") {
  CHECK_FALSE(is_good({put({1, 2}, "a"), put({3, 0}, "b"), get({4, 5}, "b"), get({6, 7}, "a")}));
  CHECK_FALSE(is_good({get({1, 2}, "b"), put({3, 0}, "b")}));
  CHECK_FALSE(is_good({put({1, 0}, "b"), get({2, 3}, "b"), put({4, 5}, "c"), get({6, 7}, "b")}));
  CHECK_FALSE(is_good({put({1, 0}, "b"), get({2, 3}, "b"), erase({4, 5}), get_nothing({6, 7}), get({8, 9}, "b")}));
}

TEST_CASE("an erasure of unknown outcome may explain that nothing is found, once") {
  CHECK(is_good({put({1, 2}, "a"), erase({3, 0}), get({4, 5}, "a"), get_nothing({6, 7})}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), erase({3, 0}), get_nothing({4, 5}), put({6, 7}, "b"), get_nothing({8, 9})}));
}

TEST_CASE("what was certainly not applied is never seen, and explains nothing") {
  CHECK(is_good({put({1, 2}, "a"), not_applied(put({3, 4}, "b")), get({5, 6}, "a")}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), not_applied(put({3, 4}, "b")), get({5, 6}, "b")}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), not_applied(erase({3, 4})), get_nothing({5, 6})}));
}

TEST_CASE("of two conditional writes on one version only one succeeds") {
  CHECK(is_good({put({1, 2}, "a"), put({3, 6}, "b", if_is("a")), failed(put({3, 6}, "c", if_is("a")))}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), put({3, 6}, "b", if_is("a")), put({3, 6}, "c", if_is("a"))}));
  CHECK_FALSE(is_good({put({1, 4}, "a", if_absent()), put({2, 5}, "b", if_absent())}));
}

TEST_CASE("a lost update: both read, both write on what they read") {
  CHECK_FALSE(is_good({put({1, 2}, "a"), get({3, 4}, "a"), get({3, 4}, "a"), put({5, 6}, "b", if_is("a")),
                       put({7, 8}, "c", if_is("a")), get({9, 10}, "c")}));
}

TEST_CASE("a condition fails only where it does not hold") {
  CHECK_FALSE(is_good({put({1, 2}, "a"), failed(put({3, 4}, "b", if_is("a")))}));
  CHECK_FALSE(is_good({failed(put({1, 2}, "a", if_absent()))}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), failed(erase({3, 4}, Precondition::present()))}));
  CHECK_FALSE(is_good({failed(put({1, 2}, "a"))}));
  CHECK(is_good({failed(erase({1, 2}, Precondition::present())), failed(put({3, 4}, "b", if_is("a")))}));
}

TEST_CASE("a condition on a version that is gone does not hold again") {
  CHECK_FALSE(is_good({put({1, 2}, "a"), put({3, 4}, "b"), put({5, 6}, "c", if_is("a"))}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), erase({3, 4}), erase({5, 6}, if_is("a"))}));
}

TEST_CASE("a chain of unknown writes explains what a single one cannot") {
  // The second was conditional on the first, and the condition names a version that somebody saw.
  CHECK(is_good({put({1, 0}, "a"), put({2, 0}, "b", if_is("a")), get({3, 4}, "b"), get({3, 10}, "a")}));
  CHECK_FALSE(is_good({put({2, 0}, "b", if_is("a")), get({3, 4}, "b"), put({5, 6}, "a")}));
}

TEST_CASE("a failed condition may be the work of an unknown write that nobody saw") {
  CHECK(is_good({put({1, 2}, "a"), put({3, 0}, "b"), failed(put({4, 5}, "c", if_is("a")))}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), put({6, 0}, "b"), failed(put({4, 5}, "c", if_is("a")))}));
}

TEST_CASE("whether a write found an entry must be true") {
  CHECK(is_good({found(put({1, 2}, "a"), false), found(put({3, 4}, "b"), true), found(erase({5, 6}), true),
                 found(erase({7, 8}), false)}));
  CHECK_FALSE(is_good({found(put({1, 2}, "a"), true)}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), found(erase({3, 4}), false)}));
}

TEST_CASE("a merged entry comes once, at any moment of the join, or never; it replaces nothing newer") {
  CHECK(is_good({merge({1, 10}, "m"), get_nothing({2, 3}), get({4, 5}, "m")}));
  CHECK(is_good({merge({1, 10}, "m"), get_nothing({11, 12})}));
  CHECK(is_good({put({1, 2}, "a"), merge({3, 10}, "m"), get({4, 5}, "m")}));
  CHECK_FALSE(is_good({put({1, 2}, "z"), merge({3, 10}, "m"), get({4, 5}, "m")}));
  CHECK_FALSE(is_good({merge({5, 10}, "m"), get({1, 2}, "m")}));
  CHECK_FALSE(is_good({merge({1, 4}, "m"), get_nothing({5, 6}), get({7, 8}, "m")}));
}

TEST_CASE("a merged entry that was erased must not come back from the dead") {
  CHECK_FALSE(is_good({merge({1, 10}, "m"), get({2, 3}, "m"), erase({4, 5}), get({6, 7}, "m")}));
  CHECK_FALSE(is_good({merge({1, 0}, "m"), get({2, 3}, "m"), erase({4, 5}), get_nothing({6, 7}), get({8, 9}, "m")}));
}

TEST_CASE("a loss that is certain has taken the entry; one that is not may have") {
  CHECK(is_good({put({1, 2}, "a"), loss({3, 6}), get({4, 5}, "a"), get_nothing({7, 8})}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), loss({3, 4}), get({5, 6}, "a")}));
  CHECK(is_good({put({1, 2}, "a"), loss({3, 0}), get({5, 6}, "a")}));
  CHECK(is_good({put({1, 2}, "a"), loss({3, 0}), get_nothing({5, 6})}));
}

TEST_CASE("an optional operation with an end may still be needed by a later one") {
  // The merge must come before the failed condition, which could do without it, since it may not come after.
  CHECK(is_good({put({1, 2}, "a"), merge({3, 4}, "m"), failed(erase({5, 6}, if_is("a"))), get({7, 8}, "m")}));
  CHECK_FALSE(is_good({put({1, 2}, "a"), merge({3, 4}, "m"), get({5, 6}, "a"), get({7, 8}, "m")}));
}

TEST_CASE("a version is given once, and a value has one version") {
  Operation other = get({3, 4}, "a");
  other.entry->version = 7;
  CHECK_FALSE(is_good({put({1, 2}, "a"), get({3, 4}, "a"), other}));
  Operation twice = put({5, 6}, "b");
  twice.version = version_of("a");
  CHECK_FALSE(is_good({put({1, 2}, "a"), twice}));
  CHECK(is_good({put({1, 2}, "a"), loss({3, 4}), twice}));  // with the entry the clock was lost
}

TEST_CASE("an entry that a joining node brings may bear a version that was given here, and is meant by it") {
  Operation brought = merge({3, 10}, "m");
  brought.entry->version = version_of("a");
  const History history{put({1, 2}, "a"), erase({3, 4}), brought, put({11, 12}, "b", if_is("a"))};
  CHECK(is_good(history));
}

TEST_CASE("two writes of one value are refused, since nobody could tell what a read saw") {
  CHECK_THROWS_AS(check_linearizability(History{put({1, 2}, "a"), put({3, 4}, "a")}), std::invalid_argument);
}

TEST_CASE("the explanation names the first answer that cannot be explained, and an order of what came before") {
  History history{put({1, 2}, "a"), put({3, 4}, "b"), get({5, 6}, "a"), put({7, 8}, "c"), get({9, 10}, "b")};
  history[2].by = "client 4 on node1";
  const auto judgement = check_linearizability(history);
  REQUIRE(judgement.verdict == Verdict::violated);
  CHECK(judgement.explanation ==
        "No order of the operations explains all answers. The numbers are an order that explains those before 0.006000 "
        "s and leaves \"b\"; no order explains the one marked >>> as well.\n"
        " order       called     answered  operation\n"
        "     1     0.001000     0.002000  somebody: put \"a\" -> done, version 970\n"
        "     2     0.003000     0.004000  somebody: put \"b\" -> done, version 980\n"
        "   >>>     0.005000     0.006000  client 4 on node1: get -> \"a\" version 970\n");
}

TEST_CASE("a search that would take too long is given up") {
  History history;
  for (char letter = 'a'; letter <= 'z'; ++letter)
    history.push_back(put({1, 2}, std::string(1, letter)));
  history.push_back(get_nothing({3, 4}));
  CHECK(check_linearizability(history, {.max_configurations = 1000}).verdict == Verdict::undecided);
}

}  // namespace
