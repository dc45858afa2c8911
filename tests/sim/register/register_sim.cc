// register_sim: random worlds of registers, one per seed.
//
//   register_sim [--runs K] [--first N]     seeds N to N + K - 1, by default 1000 from 1 on
//   register_sim --seed N                   one seed, and what happens in it
//
// Exit code: 0 all was right, 1 a wrong answer, 2 something did not come to an end, 64 wrong usage.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "register_world.h"

namespace {

using dht::testing::RegisterWorld;

constexpr int kWrong = 1;
constexpr int kStalled = 2;
constexpr int kUsage = 64;

struct Options {
  std::uint64_t first = 1;
  std::uint64_t runs = 1000;
  std::optional<std::uint64_t> seed{};
};

bool parse(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    std::uint64_t number = 0;
    if (!parse(argv[i + 1], number)) return std::nullopt;
    if (name == "--runs") {
      options.runs = number;
    } else if (name == "--first") {
      options.first = number;
    } else if (name == "--seed") {
      options.seed = number;
    } else {
      return std::nullopt;
    }
  }
  return argc % 2 == 1 ? std::optional(options) : std::nullopt;
}

int verdict(const RegisterWorld& world, std::uint64_t seed) {
  if (!world.fault().empty()) {
    fmt::print("seed {}: wrong: {}\n", seed, world.fault());
    return kWrong;
  }
  if (world.stall().empty()) return 0;
  fmt::print("seed {}: stalled: {}\n", seed, world.stall());
  return kStalled;
}

int show(std::uint64_t seed) {
  RegisterWorld world(seed, stdout);
  world.run();
  return verdict(world, seed);
}

int campaign(const Options& options) {
  RegisterWorld::Counts sums;
  for (std::uint64_t seed = options.first; seed < options.first + options.runs; ++seed) {
    RegisterWorld world(seed);
    world.run();
    for (const auto& [kind, number] : world.counts())
      sums[kind] += number;
    if (world.fault().empty() && world.stall().empty()) continue;
    fmt::print("after {} seeds; what happened:\n", seed - options.first + 1);
    return show(seed);
  }
  fmt::print("{} seeds, all right\n", options.runs);
  for (const auto& [kind, number] : sums)
    fmt::print("{:>12} {}\n", number, kind);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse(argc, argv);
  if (!options) {
    fmt::print(stderr, "usage: register_sim [--runs K] [--first N] | --seed N\n");
    return kUsage;
  }
  return options->seed ? show(*options->seed) : campaign(*options);
}
