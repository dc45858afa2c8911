// The program's own parts: what it is asked for, and that every end of a seed is told as that seed's.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include "options.h"
#include "worker.h"

namespace {

using dht::testing::Ending;
using dht::testing::Fault;
using dht::testing::SimulationReport;
using sim::Options;
using sim::Outcome;
using sim::parse;
using sim::Worker;

TEST_CASE("a command line says what is to be done") {
  CHECK(parse({}).options.task == Options::Task::campaign);
  const Options campaign = parse({"--runs", "7", "--first", "100", "--jobs", "2"}).options;
  CHECK(campaign.runs == 7);
  CHECK(campaign.seed == 100);
  CHECK(campaign.jobs == 2);
  CHECK_FALSE(campaign.until_failure);
  CHECK(parse({"--until-failure"}).options.until_failure);
  const Options replay = parse({"--seed", "18446744073709551615"}).options;
  CHECK(replay.task == Options::Task::replay);
  CHECK(replay.seed == UINT64_MAX);
  CHECK(parse({"--list-faults"}).options.task == Options::Task::list_faults);
  CHECK(parse({"--help"}).options.task == Options::Task::help);
}

TEST_CASE("faults are chosen by name") {
  const auto only = parse({"--only", "join,pause"}).options.faults;
  const auto without = parse({"--without", "join,pause"}).options.faults;
  for (const auto& description : dht::testing::fault_descriptions()) {
    const bool is_named = description.fault == Fault::join || description.fault == Fault::pause;
    CHECK(only.contains(description.fault) == is_named);
    CHECK(without.contains(description.fault) == !is_named);
  }
}

TEST_CASE("what makes no sense is complained about") {
  CHECK(parse({"--sed", "1"}).complaint == "\"--sed\" is no option");
  CHECK(parse({"--seed"}).complaint == "--seed wants a value");
  CHECK(parse({"--runs", "-1"}).complaint == "--runs wants a number, not \"-1\"");
  CHECK(parse({"--runs", "10x"}).complaint == "--runs wants a number, not \"10x\"");
  CHECK(parse({"--jobs", "0"}).complaint == "--jobs cannot be 0");
  CHECK(parse({"--only", "join,earthquake"}).complaint == "\"earthquake\" is no fault; see --list-faults");
}

TEST_CASE("an outcome is told in a line, and understood") {
  Outcome outcome{.seed = 12,
                  .code = sim::kStall,
                  .reason = "progress: node0 could not join",
                  .operations = 100,
                  .undecided = 1,
                  .virtual_us = 5'000'000};
  outcome.faults[Fault::pause] = 3;
  const auto read = sim::from_line(sim::to_line(outcome));
  REQUIRE(read);
  CHECK(sim::to_line(*read) == sim::to_line(outcome));
  CHECK(read->reason == outcome.reason);
  CHECK(read->faults[Fault::pause] == 3);
  CHECK_FALSE(sim::from_line("libdht: invariant broken: x"));
  CHECK_FALSE(sim::from_line("outcome 1 0"));
}

/// Runs seeds 1 to 5, in as many processes as it takes.
std::map<std::uint64_t, Outcome> outcomes_of(const sim::Simulate& simulate) {
  std::map<std::uint64_t, Outcome> outcomes;
  for (sim::Range range{1, 6}; !range.empty();) {
    Worker worker(range, simulate);
    while (!worker.is_done()) {
      for (Outcome& outcome : worker.read())
        outcomes.emplace(outcome.seed, outcome);
    }
    range = worker.rest();
  }
  return outcomes;
}

TEST_CASE("a seed that fails is told with its reason, and the others run") {
  const auto outcomes = outcomes_of([](std::uint64_t seed) {
    SimulationReport report;
    if (seed == 2) report = {.ending = Ending::wrong_answer, .property = "linearizable", .reason = "k\nis wrong"};
    if (seed == 4) report = {.ending = Ending::stall, .property = "progress", .reason = "stuck"};
    return report;
  });
  REQUIRE(outcomes.size() == 5);
  CHECK(outcomes.at(1).code == sim::kClean);
  CHECK(outcomes.at(2).code == sim::kWrongAnswer);
  CHECK(outcomes.at(2).reason == "linearizable: k");
  CHECK(outcomes.at(4).code == sim::kStall);
  CHECK(outcomes.at(5).code == sim::kClean);
}

/// As an assertion does, past the test framework, which would say something of its own.
[[noreturn]] void crash() {
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

TEST_CASE("a seed at which the process crashes is told with its last words, and the others run") {
  const auto outcomes = outcomes_of([](std::uint64_t seed) {
    if (seed == 1) crash();
    if (seed == 3) {
      std::fprintf(stderr, "libdht: invariant broken: x\n");
      crash();
    }
    return SimulationReport{};
  });
  REQUIRE(outcomes.size() == 5);
  CHECK(outcomes.at(1).code == sim::kCrash);
  CHECK(outcomes.at(1).reason == "crash: ended by Aborted");
  CHECK(outcomes.at(2).code == sim::kClean);
  CHECK(outcomes.at(3).code == sim::kCrash);
  CHECK(outcomes.at(3).reason == "crash: libdht: invariant broken: x");
  CHECK(outcomes.at(5).code == sim::kClean);
}

TEST_CASE("a seed that does not end is given up") {
  Worker worker({1, 3}, [](std::uint64_t) -> SimulationReport {
    for (;;)
      pause();
  });
  const Outcome outcome = worker.give_up();
  CHECK(outcome.seed == 1);
  CHECK(outcome.code == sim::kStall);
  CHECK(worker.is_done());
  CHECK(worker.rest().first == 2);
}

}  // namespace
