// How a user tests a class on dht::Table: with FakeTable, where only its own logic counts; with a Cluster, where it has
// to live with nodes that join, leave and crash.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "session_store.h"

#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include <dht/testing/cluster.h>
#include <dht/testing/fake_table.h>

namespace {

using namespace std::chrono_literals;

TEST_CASE("a session is known from its beginning to its end") {
  dht::testing::FakeTable table;
  SessionStore store{table};
  CHECK(store.begin("s1", "anna"));
  CHECK(store.user_of("s1") == "anna");
  CHECK_FALSE(store.user_of("s2"));
  store.end("s1");
  CHECK_FALSE(store.user_of("s1"));
  CHECK(table.size() == 0);
}

TEST_CASE("an id that is taken is not given twice") {
  dht::testing::FakeTable table;
  SessionStore store{table};
  CHECK(store.begin("s1", "anna"));
  CHECK_FALSE(store.begin("s1", "berta"));
  CHECK(store.user_of("s1") == "anna");
}

TEST_CASE("an error of the table reaches the caller") {
  dht::testing::FakeTable table;
  SessionStore store{table};
  table.fail_next(dht::Errc::overloaded);
  CHECK_THROWS_AS(store.begin("s1", "anna"), std::system_error);
  CHECK_FALSE(store.user_of("s1"));
}

TEST_CASE("every server sees every session, while servers join and leave") {
  dht::testing::Cluster cluster{{.nodes = 3, .seed = 7}};
  for (int i = 0; i < 50; ++i) {
    SessionStore store{cluster.table(static_cast<std::size_t>(i) % 3)};
    CHECK(store.begin(std::to_string(i), "user" + std::to_string(i)));
  }

  const std::size_t newcomer = cluster.add_node();
  REQUIRE_FALSE(cluster.join_and_wait(newcomer, 1));
  REQUIRE_FALSE(cluster.leave_and_wait(0));
  cluster.stop(0);

  for (const std::size_t server : {std::size_t{1}, std::size_t{2}, newcomer}) {
    SessionStore store{cluster.table(server)};
    for (int i = 0; i < 50; ++i)
      CHECK(store.user_of(std::to_string(i)) == "user" + std::to_string(i));
    CHECK_FALSE(store.begin("0", "somebody else"));
  }
}

TEST_CASE("visits are counted through all servers while one of them leaves") {
  dht::testing::Cluster cluster{{.nodes = 3, .seed = 8}};
  const auto leaving = cluster.leave(2);
  int visits = 0;
  while (!leaving.is_done() || visits < 20) {
    SessionStore store{cluster.table(static_cast<std::size_t>(visits) % 2)};
    CHECK(store.count_visit("s1") == ++visits);
  }
  CHECK_FALSE(leaving.status());
}

}  // namespace
