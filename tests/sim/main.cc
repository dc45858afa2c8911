// sim: runs simulations of whole clusters (dht/testing/simulation.h) from the command line.

#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "campaign.h"
#include "options.h"
#include "replay.h"

int main(int argc, char** argv) {
  const sim::Parsed parsed = sim::parse(std::vector<std::string_view>(argv + 1, argv + argc));
  if (!parsed.complaint.empty()) {
    fmt::print(stderr, "sim: {}\n\n{}", parsed.complaint, sim::kUsage);
    return sim::kBadUsage;
  }
  try {
    switch (parsed.options.task) {
      case sim::Options::Task::help:
        fmt::print("{}", sim::kUsage);
        return sim::kClean;
      case sim::Options::Task::list_faults:
        for (const auto& description : dht::testing::fault_descriptions())
          fmt::print("{:<16} {}\n", description.name, description.what);
        return sim::kClean;
      case sim::Options::Task::replay:
        return sim::replay(parsed.options);
      case sim::Options::Task::campaign:
        return sim::run_campaign(parsed.options);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "sim: {}\n", error.what());
  }
  return sim::kCrash;
}
