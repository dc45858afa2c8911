#include "outcome.h"

#include <sstream>

#include <fmt/format.h>

namespace sim {
namespace {

constexpr std::string_view kMark = "outcome ";

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

ExitCode exit_code_of(dht::testing::Ending ending) noexcept {
  switch (ending) {
    case dht::testing::Ending::clean:
      return kClean;
    case dht::testing::Ending::wrong_answer:
      return kWrongAnswer;
    case dht::testing::Ending::stall:
      break;
  }
  return kStall;
}

Outcome outcome_of(std::uint64_t seed, const dht::testing::SimulationReport& report) {
  Outcome outcome{.seed = seed, .code = exit_code_of(report.ending)};
  if (outcome.code != kClean) outcome.reason = fmt::format("{}: {}", report.property, first_line(report.reason));
  outcome.operations = report.operations;
  outcome.undecided = report.undecided;
  outcome.virtual_us = static_cast<std::uint64_t>(report.virtual_time / std::chrono::microseconds(1));
  outcome.faults = report.faults;
  return outcome;
}

std::string to_line(const Outcome& outcome) {
  std::string line = fmt::format("{}{} {} {} {} {}", kMark, outcome.seed, static_cast<int>(outcome.code),
                                 outcome.operations, outcome.undecided, outcome.virtual_us);
  for (const auto& description : dht::testing::fault_descriptions())
    line += fmt::format(" {}", outcome.faults[description.fault]);
  return line + " " + outcome.reason;
}

std::optional<Outcome> from_line(std::string_view line) {
  if (!line.starts_with(kMark)) return std::nullopt;
  std::istringstream in{std::string(line.substr(kMark.size()))};
  Outcome outcome;
  int code = 0;
  in >> outcome.seed >> code >> outcome.operations >> outcome.undecided >> outcome.virtual_us;
  outcome.code = static_cast<ExitCode>(code);
  for (const auto& description : dht::testing::fault_descriptions())
    in >> outcome.faults[description.fault];
  if (!in) return std::nullopt;
  in.get();
  std::getline(in, outcome.reason);
  return outcome;
}

}  // namespace sim
