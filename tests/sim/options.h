// The command line of `sim`.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dht/testing/faults.h>

namespace sim {

struct Options {
  enum class Task { campaign, replay, list_faults, help };

  Task task = Task::campaign;
  std::uint64_t seed = 1;  ///< to replay, or the first of a campaign
  std::uint64_t runs = 1000;
  unsigned jobs = 1;
  bool until_failure = false;  ///< a campaign ends at the first seed that fails
  dht::testing::FaultSet faults = dht::testing::FaultSet::all();
};

struct Parsed {
  Options options{};
  std::string complaint{};  ///< not empty where the arguments make no sense
};

Parsed parse(const std::vector<std::string_view>& arguments);

extern const std::string_view kUsage;

}  // namespace sim
