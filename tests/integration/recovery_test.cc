// A majority of the voters is lost: the survivors refuse, until an operator recovers them by force (design.md 5), with
// the commands that the README gives.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

Entries entries_of(TestNode& node, const Entries& all) {
  Entries own;
  for (const std::string& key : node.keys())
    own.emplace(key, all.at(key));
  return own;
}

/// The answers to requests that wait for their deadlines together.
std::vector<Response> ask_all(TestNode& node, const Entries& entries) {
  std::vector<std::string> requests;
  for (const auto& [key, value] : entries) {
    requests.push_back(node.http().format("GET", db(key)));
    requests.push_back(node.http().format("PUT", db(key), "lost in any case"));
  }
  return node.http().pipeline(requests);
}

TEST_CASE("three of five voters are killed: the others refuse, until they are recovered by force and joined") {
  Nodes nodes = start_cluster(3);
  Nodes survivors;
  for (const char* name : {"s0", "s1"}) {
    survivors.emplace_back(NodeSetup{.name = name});
    survivors.back().join(nodes[0]);
  }
  REQUIRE(eventually([&] { return nodes[0].view().voters.size() == 5; }));
  const Entries entries = make_entries("key", 500);
  put_all(nodes[0], entries);
  Entries kept = entries_of(survivors[0], entries);
  kept.merge(entries_of(survivors[1], entries));
  CHECK(survivors[0].http().post("/dht/recover?force=true").status == 409);

  for (TestNode& node : nodes)
    node.crash();
  for (TestNode& survivor : survivors) {
    CHECK(eventually([&] { return !survivor.is_ready(); }));
    const ClusterView view = survivor.view();
    CHECK_FALSE(view.ready);
    CHECK(view.unserved == view.partitions);
  }
  // Some of every node's keys; as many as one connection may have under way.
  const Entries some(entries.begin(), std::next(entries.begin(), 50));
  for (TestNode& survivor : survivors) {
    const auto answers = ask_all(survivor, some);
    CHECK(std::ranges::all_of(answers, [](const Response& answer) { return answer.status == 503; }));
    CHECK(answers.front().body.find("no lease") != std::string::npos);
    CHECK(survivor.log().find("holds no lease any more") != std::string::npos);
    CHECK_FALSE(survivor.is_ready());
    CHECK(survivor.http().get("/healthz").status == 200);
  }

  CHECK(survivors[0].http().post("/dht/recover").status == 400);
  for (TestNode& survivor : survivors) {
    CHECK(survivor.http().post("/dht/recover?force=true").status == 200);
    CHECK(eventually([&] { return survivor.is_ready(); }));
    CHECK(survivor.peers() == std::vector<std::string>{survivor.name()});
  }
  survivors[1].join(survivors[0]);

  CHECK(all_list_all(survivors));
  // What they were the owners of, and what of the others' they had copies of.
  Entries found = entries_of(survivors[0], entries);
  found.merge(entries_of(survivors[1], entries));
  CHECK(found.size() > kept.size());
  CHECK(found.size() < entries.size());
  CHECK(listing_difference(survivors, found) == "");
  const Entries fresh = make_entries("fresh", 200);
  put_all(survivors[0], fresh);
  for (TestNode& survivor : survivors) {
    CHECK(difference(survivor, kept) == "");
    CHECK(difference(survivor, found) == "");
    CHECK(difference(survivor, fresh) == "");
    CHECK(survivor.view().unserved == 0);
  }

  for (TestNode& node : nodes) {
    node.restart();
    node.join(survivors[0]);
    CHECK(difference(node, kept) == "");
  }
}

}  // namespace
}  // namespace dht::integration
