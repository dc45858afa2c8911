// What grows with a cluster: the size of its map, what nodes say to each other at rest, the work of the leader and of
// the planner, and what one more node costs.
//
//   bench_growth                     all figures: about five minutes
//   bench_growth NODES PARTITIONS    one size
//   bench_growth --brief             a few seconds: that it runs, and that nothing grows out of all bounds
//
// Three tables: of plans and maps alone; of a real leader whose other nodes are played, for sizes that are too large to
// be run whole; of whole nodes on virtual time (libdht/testing). Virtual time stands still while a node computes, so
// the duration of a join there is that of its messages; the processor time beside it is that of all nodes.
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "figures.h"
#include "leader_alone.h"
#include "plans.h"
#include "whole_nodes.h"

namespace dht::growth {

namespace {

struct Size {
  std::size_t nodes;
  std::uint32_t partitions;
};
using Sizes = std::vector<Size>;

constexpr double kAsksPerSecond = 4;  ///< of each node, with the usual lease

void say(std::string_view line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// What would be a defect at any size, and depends on no clock.
void require(bool holds, std::string_view what) {
  if (!holds) throw std::runtime_error("not as it must be: " + std::string(what));
}

/// One node's share is copied, a little more where shares are rounded; and partitions move many at a time, in a few
/// steps each.
void check_join(std::uint64_t changes, std::uint64_t copies, std::uint64_t share) {
  constexpr std::uint64_t kAtATime = 64;
  require(copies <= share + share / 4 + 8, "a join copies about one node's share");
  require(changes <= 12 + 4 * (copies / kAtATime + 1), "a join changes the map a few times for many partitions");
}

void measure(const Size& size, const Plans& plans) {
  say(fmt::format("{:>6} {:>10} {:>9} {:>9.0f} {:>9.0f} {:>10.0f} {:>10.0f} {:>11} {:>11} {:>7}", size.nodes,
                  size.partitions, plans.map_bytes, plans.encode, plans.decode, plans.join, plans.leave,
                  plans.copies_for_join, plans.copies_for_leave, plans.share));
  require(plans.copies_for_join <= plans.share + plans.share / 4 + 8, "a join copies about one node's share");
}

void print_plans(const Sizes& sizes) {
  say("Maps and plans (us of the processor; copies to be made, and one node's share)");
  say(fmt::format("{:>6} {:>10} {:>9} {:>9} {:>9} {:>10} {:>10} {:>11} {:>11} {:>7}", "nodes", "partitions",
                  "map bytes", "encode us", "decode us", "join us", "leave us", "join copies", "leave cop.", "share"));
  for (const Size& size : sizes)
    measure(size, measure_plans(size.nodes, size.partitions));
}

std::string describe(const Rest& rest) {
  const double seconds = std::chrono::duration<double>(rest.time).count();
  const Traffic& traffic = rest.traffic;
  const auto rate = [&](std::uint64_t count) { return static_cast<double>(count) / seconds; };
  require(traffic.maps.messages == 0, "no maps are sent at rest");
  return fmt::format("{:>8.0f} {:>8.0f} {:>9.1f} {:>9.1f} {:>8.0f}%", rate(traffic.all.messages),
                     rate(traffic.leader.messages), rate(traffic.all.bytes) / 1e3, rate(traffic.leader.bytes) / 1e3,
                     100.0 * static_cast<double>(traffic.member_lists.bytes) / static_cast<double>(traffic.all.bytes));
}

std::string describe(const Join& join) {
  check_join(join.changes, join.copies, join.ideal);
  return fmt::format("{:>8.0f} {:>7} {:>7} {:>7} {:>9} {:>8.1f} {:>7.1f}",
                     std::chrono::duration<double, std::milli>(join.time).count(), join.changes, join.copies,
                     join.ideal, join.traffic.maps.messages, static_cast<double>(join.traffic.maps.bytes) / 1e6,
                     join.processor_seconds);
}

void print_whole_nodes(const Sizes& sizes, Duration time) {
  say("\nWhole nodes on virtual time, a lease of 1 s: control messages at rest, then one more node joins");
  say(fmt::format("{:>6} {:>10} | {:>8} {:>8} {:>9} {:>9} {:>9} | {:>8} {:>7} {:>7} {:>7} {:>9} {:>8} {:>7}", "nodes",
                  "partitions", "msg/s", "leader", "kB/s", "leader", "members", "join ms", "changes", "copies", "ideal",
                  "maps sent", "map MB", "CPU s"));
  for (const Size& size : sizes) {
    WholeNodes nodes(size.nodes, size.partitions);
    const std::string rest = describe(nodes.rest(time));
    say(fmt::format("{:>6} {:>10} | {} | {}", size.nodes, size.partitions, rest, describe(nodes.join_one_more())));
  }
}

void print_leader(const Sizes& sizes) {
  say("\nA leader alone, the other nodes played: heartbeats at 4 a second of each node, then one more node joins");
  say(fmt::format("{:>6} {:>10} | {:>12} {:>12} {:>11} {:>9} | {:>7} {:>6} {:>9} {:>9} {:>10} {:>10}", "nodes",
                  "partitions", "us/heartbeat", "answer bytes", "core", "MB/s", "changes", "copies", "maps sent", "MB",
                  "decide ms", "encode ms"));
  for (const Size& size : sizes) {
    LeaderAlone leader(make_map(size.nodes, size.partitions));
    const LedRest rest = leader.rest();
    const double per_second = kAsksPerSecond * static_cast<double>(size.nodes);
    const LedJoin join = leader.join_one_more();
    const ClusterMap& map = leader.map();
    check_join(join.changes, join.copies, map.partitions.size() * map.settings.replicas / map.nodes.size());
    say(fmt::format(
        "{:>6} {:>10} | {:>12.1f} {:>12} {:>10.1f}% {:>9.2f} | {:>7} {:>6} {:>9} {:>9.1f} {:>10.1f} {:>10.1f}",
        size.nodes, size.partitions, rest.us_per_heartbeat, rest.answer_bytes, rest.us_per_heartbeat * per_second / 1e4,
        static_cast<double>(rest.answer_bytes) * per_second / 1e6, join.changes, join.copies, join.maps_sent,
        static_cast<double>(join.map_bytes) / 1e6, join.decide_seconds * 1e3, join.encode_seconds * 1e3));
  }
}

void run_brief() {
  print_plans({{4, 256}, {30, 1024}});
  print_leader({{4, 256}, {30, 1024}});
  print_whole_nodes({{4, 256}, {12, 256}}, std::chrono::seconds(1));
}

void run_all() {
  Sizes all;
  for (const std::size_t nodes : {10, 100, 1000}) {
    for (const std::uint32_t partitions : {1024, 4096, 16384})
      all.push_back({nodes, partitions});
  }
  print_plans(all);
  print_leader(all);
  print_whole_nodes({{10, 1024}, {10, 4096}, {10, 16384}, {100, 1024}, {100, 4096}, {1000, 1024}},
                    std::chrono::seconds(4));
}

void run_one(const Size& size) {
  print_plans({size});
  print_leader({size});
  print_whole_nodes({size}, std::chrono::seconds(4));
}

void run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return run_all();
  if (arguments.size() == 2) {
    return run_one({std::stoul(arguments[0]), static_cast<std::uint32_t>(std::stoul(arguments[1]))});
  }
  require(arguments[0] == "--brief", "the arguments");
  run_brief();
}

}  // namespace

}  // namespace dht::growth

int main(int argc, char** argv) {
  try {
    dht::growth::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
