// Outcome: what became of one seed, as the process that ran it tells the one that waits for it, in a line of text.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <dht/testing/simulation.h>

namespace sim {

enum ExitCode { kClean = 0, kWrongAnswer = 1, kBadUsage = 2, kStall = 3, kCrash = 4 };

struct Outcome {
  std::uint64_t seed = 0;
  ExitCode code = kClean;
  std::string reason{};  ///< a line; empty where it is clean
  std::uint64_t operations = 0;
  std::uint64_t undecided = 0;
  std::uint64_t virtual_us = 0;
  dht::testing::FaultCounts faults{};
};

ExitCode exit_code_of(dht::testing::Ending ending) noexcept;
Outcome outcome_of(std::uint64_t seed, const dht::testing::SimulationReport& report);

/// Without a line feed.
std::string to_line(const Outcome& outcome);
/// Nothing where the line is not one of those.
std::optional<Outcome> from_line(std::string_view line);

}  // namespace sim
