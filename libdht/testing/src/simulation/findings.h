// Findings: what a simulation has found to be wrong. The first counts, for what follows may follow from it.
//
// Thread rule: one object, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <dht/testing/simulation.h>

namespace dht::testing::simulation {

struct Finding {
  Ending ending = Ending::wrong_answer;
  std::string property{};
  std::string reason{};
  std::string detail{};
};

class Findings {
 public:
  bool empty() const noexcept { return !first_.has_value(); }
  const std::optional<Finding>& first() const noexcept { return first_; }

  void add(Finding finding) {
    if (!first_) first_ = std::move(finding);
  }
  /// A wrong answer, where there is a reason.
  void add(std::string_view property, std::optional<std::string> reason) {
    if (reason) add({Ending::wrong_answer, std::string(property), std::move(*reason), {}});
  }

 private:
  std::optional<Finding> first_;
};

}  // namespace dht::testing::simulation
