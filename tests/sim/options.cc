#include "options.h"

#include <charconv>

#include <fmt/format.h>

namespace sim {

const std::string_view kUsage =
    "Simulates clusters on virtual time, from a seed, and judges what their clients see.\n"
    "\n"
    "  sim [--runs K] [--first N] [--jobs J]   a campaign: seeds N to N + K - 1 (1 to 1000), in J processes (1)\n"
    "  sim --seed N                            replays one, with a trace\n"
    "  sim --list-faults                       the faults by name\n"
    "\n"
    "  --until-failure    ends a campaign at the first seed that fails\n"
    "  --only FAULTS      injects none but these, a list separated by commas\n"
    "  --without FAULTS   injects all but these\n"
    "\n"
    "The last two change what a seed does: replay a seed with the options of its campaign.\n"
    "Exit codes: 0 clean, 1 a wrong answer, 2 bad usage, 3 a stall, 4 a crash (of several, the first that is named\n"
    "here).\n";

namespace {

using dht::testing::FaultSet;

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The faults of a list, or the name that is none's.
struct NamedFaults {
  FaultSet faults{};
  std::optional<std::string> unknown{};
};

NamedFaults to_faults(std::string_view list) {
  NamedFaults named;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
    if (const auto fault = dht::testing::find_fault(name)) {
      named.faults.insert(*fault);
    } else {
      named.unknown = name;
    }
  }
  return named;
}

/// Sets what a flag with a value says; a complaint where that makes no sense.
std::string set(Options& options, std::string_view flag, std::string_view value) {
  if (flag == "--only" || flag == "--without") {
    const NamedFaults named = to_faults(value);
    if (named.unknown) return fmt::format("\"{}\" is no fault; see --list-faults", *named.unknown);
    for (const auto& description : dht::testing::fault_descriptions()) {
      if (named.faults.contains(description.fault) == (flag == "--without")) options.faults.erase(description.fault);
    }
    return "";
  }
  const auto number = to_number(value);
  if (!number) return fmt::format("{} wants a number, not \"{}\"", flag, value);
  if (flag == "--runs") {
    options.runs = *number;
  } else if (flag == "--jobs" && *number >= 1 && *number <= 256) {
    options.jobs = static_cast<unsigned>(*number);
  } else if (flag == "--first") {
    options.seed = *number;
  } else if (flag == "--seed") {
    options.seed = *number;
    options.task = Options::Task::replay;
  } else {
    return fmt::format("{} cannot be {}", flag, value);
  }
  return "";
}

bool takes_value(std::string_view flag) {
  for (const std::string_view known : {"--runs", "--jobs", "--first", "--seed", "--only", "--without"}) {
    if (flag == known) return true;
  }
  return false;
}

}  // namespace

Parsed parse(const std::vector<std::string_view>& arguments) {
  Parsed parsed;
  for (std::size_t i = 0; i < arguments.size() && parsed.complaint.empty(); ++i) {
    const std::string_view flag = arguments[i];
    if (flag == "--help" || flag == "-h") {
      parsed.options.task = Options::Task::help;
    } else if (flag == "--list-faults") {
      parsed.options.task = Options::Task::list_faults;
    } else if (flag == "--until-failure") {
      parsed.options.until_failure = true;
    } else if (!takes_value(flag)) {
      parsed.complaint = fmt::format("\"{}\" is no option", flag);
    } else if (i + 1 == arguments.size()) {
      parsed.complaint = fmt::format("{} wants a value", flag);
    } else {
      parsed.complaint = set(parsed.options, flag, arguments[++i]);
    }
  }
  return parsed;
}

}  // namespace sim
