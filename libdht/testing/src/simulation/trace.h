// Trace: tells what happens in a simulation, line by line, to whoever wants to know. Costs next to nothing where nobody
// does.
//
// Thread rule: that of the timeline.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <dht/testing/history.h>
#include <dht/testing/timeline.h>

namespace dht::testing::simulation {

class Trace {
 public:
  Trace(std::function<void(std::string_view)> sink, const Timeline& timeline)
      : sink_(std::move(sink)), timeline_(timeline) {}

  bool is_on() const noexcept { return static_cast<bool>(sink_); }

  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) const {
    if (!is_on()) return;
    sink_(fmt::format("{:>12} {}", in_seconds(timeline_.now()), fmt::format(format, std::forward<Args>(args)...)));
  }

 private:
  std::function<void(std::string_view)> sink_;
  const Timeline& timeline_;
};

}  // namespace dht::testing::simulation
