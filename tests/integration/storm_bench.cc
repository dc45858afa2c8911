// A storm over real processes: see support/storm.h. The exit code is not 0 where anything is lost or wrong.
//
//   DHTD=... storm_bench [SECONDS] [REPLICAS] [SEED]     default 600 s, 2 copies, a seed by chance
#include <cstdlib>
#include <random>

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "support/storm.h"

namespace dht::integration {
namespace {

StormSettings wanted;

TEST_CASE("a storm") {
  const StormReport report = run_storm(wanted);
  print(report);
  CHECK(report.is_good());
}

}  // namespace
}  // namespace dht::integration

int main(int argc, char** argv) {
  using dht::integration::wanted;
  if (argc > 1) wanted.duration = std::chrono::seconds(std::strtoll(argv[1], nullptr, 10));
  if (argc > 2) wanted.replicas = std::strtoull(argv[2], nullptr, 10);
  wanted.seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : std::random_device()();
  return doctest::Context().run();
}
