#include "support/storm.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "support/interrupt.h"
#include "support/storm_faults.h"

namespace dht::integration {
namespace {

constexpr std::chrono::milliseconds kImpatient{400};
constexpr std::chrono::milliseconds kPatient{8000};  ///< more than the 5 s that the server gives a request
constexpr std::chrono::milliseconds kLongestCalm{1000};
constexpr std::size_t kShown = 10;

using Clients = std::vector<std::unique_ptr<StormClient>>;

Clients start_clients(const StormSettings& settings, const StormClock& clock, HotKeys& keys, ServingNodes& nodes) {
  Clients clients;
  for (std::size_t i = 0; i < settings.clients; ++i) {
    const StormClientSetup setup{
        .number = i, .seed = settings.seed * 1000 + i, .patience = i % 2 == 0 ? kImpatient : kPatient, .clock = clock};
    clients.push_back(std::make_unique<StormClient>(setup, keys, nodes));
  }
  return clients;
}

/// Faults until the time is over, or one does not heal.
void rage(StormFaults& faults, const StormSettings& settings, const StormClock& clock, StormReport& report) {
  std::mt19937_64 random(settings.seed);
  const Instant end{settings.duration};
  while (clock.now() < end) {
    let_pass(std::chrono::milliseconds(random() % static_cast<std::uint64_t>(kLongestCalm.count())));
    std::string trouble = faults.next();
    if (!trouble.empty()) return report.troubles.push_back(std::move(trouble));
  }
}

void collect(StormClient& client, StormJudge& judge, StormReport& report) {
  client.stop();
  judge.take(client);
  std::ranges::copy(client.troubles(), std::back_inserter(report.troubles));
  for (const auto& [kind, outcomes] : client.tally())
    for (const auto& [outcome, count] : outcomes)
      report.tally[kind][outcome] += count;
}

void print_some(std::string_view what, const std::vector<std::string>& lines) {
  fmt::print("{}: {}\n", what, lines.size());
  for (std::size_t i = 0; i < std::min(lines.size(), kShown); ++i)
    fmt::print("  {}\n", lines[i]);
}

/// The file that the explanation is in, and what it begins and ends with.
std::string file_away(const std::string& explanation) {
  const char* folder = std::getenv("DHT_TEST_LOGS");
  const std::string name = fmt::format("violation-{}-{}.txt", getpid(), explanation.substr(0, explanation.find(':')));
  const auto path = std::filesystem::path(folder != nullptr ? folder : ".") / name;
  std::ofstream(path) << explanation;
  const std::size_t begin = explanation.size() - std::min<std::size_t>(explanation.size(), 2000);
  return fmt::format("{} (in full in {})\n...{}",
                     explanation.substr(0, explanation.find('\n', explanation.find('\n') + 1)), path.string(),
                     explanation.substr(begin));
}

}  // namespace

bool StormReport::is_good() const {
  return troubles.empty() && verdict.lost.empty() && verdict.wrong.empty() && verdict.violated.empty();
}

StormReport run_storm(const StormSettings& settings) {
  const InterruptGuard guard;
  StormReport report;
  StormNetwork network(settings.nodes);
  report.could_cut = network.can_cut();
  if (!report.could_cut) fmt::print("no right to make network namespaces: over loopback, and no links are cut\n");
  WholeCluster cluster(settings.nodes, settings.replicas, network);
  if (!cluster.await_whole()) {
    report.troubles.push_back("the cluster does not become whole at the start:\n" + cluster.describe());
    return report;
  }
  const StormClock clock{SteadyClock::now()};
  fmt::print("{} the storm begins (0 s of the histories): {} nodes, {} copies, seed {}\n", time_of_day(),
             settings.nodes, settings.replicas, settings.seed);
  HotKeys keys;
  Clients clients = start_clients(settings, clock, keys, cluster.serving());
  StormFaults faults(cluster, settings.seed);
  rage(faults, settings, clock, report);
  report.seconds = seconds_since(clock.start);
  report.faults = faults.counts();
  report.forgotten = faults.forgotten();
  report.slowest_healing = faults.slowest_healing();
  StormJudge judge(cluster, clock);
  for (const auto& client : clients)
    collect(*client, judge, report);
  if (cluster.await_whole())
    judge.read_all();
  else
    report.troubles.push_back("at the end the cluster is not whole, and was not read:\n" + cluster.describe());
  report.verdict = judge.judge();
  return report;
}

void print(const StormReport& report) {
  const StormVerdict& verdict = report.verdict;
  fmt::print("{:.1f} s; slowest healing {:.2f} s\noperations:\n", report.seconds, report.slowest_healing);
  for (const auto& [kind, outcomes] : report.tally) {
    fmt::print("  {:<15}", kind);
    for (const auto& [outcome, count] : outcomes)
      fmt::print(" {} {},", outcome, count);
    fmt::print("\n");
  }
  fmt::print("faults{}:\n", report.could_cut ? "" : " (without namespaces no links were cut)");
  for (const auto& [kind, count] : report.faults)
    fmt::print("  {:<20} {}\n", kind, count);
  fmt::print("  former incarnations, forgotten when all was whole: {}\n", report.forgotten);
  fmt::print("keys: {} hot (the longest history has {} operations), {} in the ledger\n", verdict.hot_keys,
             verdict.longest, verdict.ledger_keys);
  fmt::print("judged: {} operations, {} of them of unknown outcome; undecided histories: {}\n", verdict.operations,
             verdict.unknown, verdict.undecided);
  print_some("keys lost", verdict.lost);
  print_some("wrong at the end", verdict.wrong);
  print_some("troubles meanwhile", report.troubles);
  fmt::print("histories violated: {}\n", verdict.violated.size());
  for (const std::string& explanation : verdict.violated)
    fmt::print("{}\n", file_away(explanation));
  std::fflush(stdout);
}

}  // namespace dht::integration
