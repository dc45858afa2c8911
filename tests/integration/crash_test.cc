// A member of a cluster with one copy of each entry crashes or is silent for longer than its lease: what it alone holds
// is refused, never answered wrongly, until it speaks again or an operator gives it up (design.md 4 and 6).
#include <csignal>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

/// Three nodes with entries; the last one is neither the leader nor needed for a majority.
struct Three {
  Three() : nodes(start_cluster(2, "n", {"--replicas", "1"})), last({.name = "last"}) {
    last.join(nodes[0]);
    put_all(nodes[0], entries);
    lost = entries_of(last);
    for (TestNode& node : nodes)
      kept.merge(entries_of(node));
    REQUIRE(eventually([&] { return nodes[0].view().voters.size() == 3; }));
  }

  Entries entries_of(TestNode& node) const {
    Entries own;
    for (const std::string& key : node.keys())
      own.emplace(key, entries.at(key));
    return own;
  }
  /// The last one is called down, by both others.
  bool is_missed() {
    for (TestNode& node : nodes) {
      const auto view = node.view();
      const MemberView* member = view.find("last", "down");
      if (member == nullptr || member->lease || view.unserved != member->primary || !view.ready) return false;
    }
    return true;
  }

  const Entries entries = make_entries("key", 300);
  Nodes nodes;
  TestNode last;
  Entries kept;  ///< what the first two are primary for
  Entries lost;
};

void check_refusal(const Response& response) {
  CHECK(response.status == 503);
  CHECK(response.header("Retry-After") == "1");
  CHECK(response.body.find("the only copy of this key is at member \\\"last\\\"") != std::string::npos);
}

TEST_CASE("a crashed node's keys are refused, the others' are served, and it is called down") {
  Three three;
  const std::string key = three.lost.begin()->first;
  three.last.crash();
  const auto start = SteadyClock::now();
  check_refusal(three.nodes[0].http().get(db(key)));
  if (timed_build()) CHECK(seconds_since(start) < 6);
  CHECK(eventually([&] { return three.is_missed(); }));
  check_refusal(three.nodes[1].http().put(db(key), "new"));
  check_refusal(three.nodes[1].http().del(db(key)));
  for (TestNode& node : three.nodes) {
    CHECK(node.is_ready());
    CHECK(difference(node, three.kept) == "");
    CHECK(node.log().find("last at") != std::string::npos);
  }
}

TEST_CASE("a node that is forgotten takes its keys with it: they are absent, may be put again, and all is even") {
  Three three;
  three.last.crash();
  REQUIRE(eventually([&] { return three.is_missed(); }));
  HttpClient& http = three.nodes[1].http();
  CHECK(http.post("/dht/forget?name=nobody").status == 404);
  CHECK(http.post("/dht/forget?name=n0").status == 409);
  CHECK(http.post("/dht/forget").status == 400);
  CHECK(http.get("/dht/forget?name=last").status == 405);
  const Response forgotten = http.post("/dht/forget?name=last");
  CHECK(forgotten.status == 200);
  CHECK(forgotten.body.find("\"last\" is forgotten") != std::string::npos);
  CHECK(http.post("/dht/forget?name=last").status == 404);

  CHECK(all_list_all(three.nodes));
  CHECK(listing_difference(three.nodes, three.kept) == "");
  for (const auto& [key, value] : three.lost)
    CHECK(three.nodes[0].get(key) == "");
  put_all(three.nodes[1], three.lost);
  for (TestNode& node : three.nodes)
    CHECK(difference(node, three.entries) == "");
  CHECK(eventually([&] { return all_settled(three.nodes); }));

  three.last.restart();
  three.last.join(three.nodes[0]);
  CHECK(difference(three.last, three.entries) == "");
}

TEST_CASE("a process started again under the name of one that crashed is a new member; the old one is still missed") {
  Three three;
  three.last.crash();
  three.last.restart();
  CHECK(eventually([&] { return three.last.http().post("/dht/join", three.nodes[0].peer()).status == 200; }));
  const auto view = three.nodes[0].view();
  CHECK(view.find("last", "active") != nullptr);
  REQUIRE(view.find("last", "down") != nullptr);
  CHECK(view.unserved == view.find("last", "down")->primary);
  check_refusal(three.nodes[0].http().get(db(three.lost.begin()->first)));
  CHECK(three.nodes[0].http().post("/dht/forget?name=last").status == 200);
  CHECK(three.nodes[0].view().find("last", "active") != nullptr);
  CHECK(three.nodes[0].view().find("last", "down") == nullptr);
  CHECK(three.last.get(three.lost.begin()->first) == "");
  CHECK(difference(three.last, three.kept) == "");
}

TEST_CASE("a node that is paused past its lease comes back by itself with its data, and answers nothing wrong") {
  Three three;
  HttpClient own = three.last.new_client();
  REQUIRE(own.get("/").status == 200);
  three.last.process().signal(SIGSTOP);
  REQUIRE(eventually([&] { return three.is_missed(); }));
  Entries changed = three.kept;
  for (auto& [key, value] : changed)
    value += ", changed";
  put_all(three.nodes[0], changed);

  // Asked while it sleeps, so that these are the first things that it finds.
  std::string asked = own.format("GET", "/readyz");
  std::vector<std::string> keys;
  for (const auto& [key, value] : three.entries) {
    keys.push_back(key);
    asked += own.format("GET", db(key));
  }
  own.send_raw(asked);
  three.last.process().signal(SIGCONT);
  CHECK(own.read_response().status == 503);
  std::size_t refused = 0;
  for (const std::string& key : keys) {
    const Response response = own.read_response();
    const Entries& newest = changed.contains(key) ? changed : three.lost;
    if (response.status == 200)
      CHECK(response.body == newest.at(key));
    else {
      CHECK(response.status == 503);
      ++refused;
    }
  }
  fmt::print("{} of {} requests were refused\n", refused, keys.size());

  CHECK(eventually([&] { return three.last.is_ready(); }));
  CHECK(three.last.log().find("holds a lease again") != std::string::npos);
  CHECK(eventually([&] { return three.nodes[0].view().find("last", "active") != nullptr; }));
  for (TestNode* node : {&three.nodes[0], &three.nodes[1], &three.last}) {
    CHECK(difference(*node, three.lost) == "");
    CHECK(difference(*node, changed) == "");
    // What the others are told of leases comes with their heartbeats.
    CHECK(eventually([&] { return node->view().unserved == 0; }));
  }
}

TEST_CASE("a node that was forgotten while it was paused stands alone, and overwrites nothing when it joins again") {
  Three three;
  three.last.process().signal(SIGSTOP);
  REQUIRE(eventually([&] { return three.is_missed(); }));
  REQUIRE(three.nodes[0].http().post("/dht/forget?name=last").status == 200);
  Entries again = three.lost;
  for (auto& [key, value] : again)
    value = "put again";
  again.erase(again.begin());
  put_all(three.nodes[0], again);
  three.last.process().signal(SIGCONT);
  CHECK(eventually([&] { return three.last.peers().size() == 1 && three.last.is_ready(); }));
  CHECK(difference(three.last, three.lost) == "");
  three.last.join(three.nodes[0]);
  CHECK(difference(three.nodes[1], again) == "");
  CHECK(difference(three.nodes[1], three.kept) == "");
}

}  // namespace
}  // namespace dht::integration
