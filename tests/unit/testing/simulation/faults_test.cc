#include <doctest/doctest.h>

#include <dht/testing/faults.h>

namespace dht::testing {
namespace {

TEST_CASE("every fault is found by its name") {
  std::size_t number = 0;
  for (const FaultDescription& description : fault_descriptions()) {
    CHECK(static_cast<std::size_t>(description.fault) == number++);
    CHECK(find_fault(description.name) == description.fault);
    CHECK(to_string(description.fault) == description.name);
    CHECK_FALSE(description.what.empty());
  }
  CHECK_FALSE(find_fault("earthquake"));
}

TEST_CASE("a set of faults holds what was put in") {
  FaultSet set;
  CHECK(set.empty());
  set.insert(Fault::pause);
  CHECK(set.contains(Fault::pause));
  CHECK_FALSE(set.contains(Fault::join));
  set.erase(Fault::pause);
  CHECK(set == FaultSet{});
  for (const FaultDescription& description : fault_descriptions())
    CHECK(FaultSet::all().contains(description.fault));
}

}  // namespace
}  // namespace dht::testing
