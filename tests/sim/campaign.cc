#include "campaign.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

#include "worker.h"

namespace sim {
namespace {

using Clock = std::chrono::steady_clock;

/// Seeds per process: enough to make its start cheap, few enough that all jobs end together.
constexpr std::uint64_t kChunk = 50;
/// A seed takes milliseconds; one that takes longer than this does not end.
constexpr auto kHang = std::chrono::minutes(2);

struct Sums {
  std::uint64_t seeds = 0;
  std::uint64_t operations = 0;
  std::uint64_t undecided = 0;
  std::uint64_t virtual_us = 0;
  dht::testing::FaultCounts faults{};
  std::vector<Outcome> failed{};
};

class Campaign {
 public:
  explicit Campaign(const Options& options)
      : options_(options), rest_{options.seed, options.seed + options.runs}, workers_(options.jobs) {}

  ExitCode run() {
    const auto begin = Clock::now();
    for (auto& worker : workers_)
      worker = next_worker();
    while (!is_over())
      step();
    print(std::chrono::duration<double>(Clock::now() - begin).count());
    return code();
  }

 private:
  bool is_over() const {
    if (options_.until_failure && !sums_.failed.empty()) return true;
    return std::none_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker != nullptr; });
  }

  std::unique_ptr<Worker> next_worker() {
    if (rest_.empty()) return nullptr;
    const Range chunk{rest_.first, std::min(rest_.first + kChunk, rest_.end)};
    rest_.first = chunk.end;
    return start(chunk);
  }

  std::unique_ptr<Worker> start(Range range) const {
    return std::make_unique<Worker>(range, [this](std::uint64_t seed) {
      return dht::testing::simulate({.seed = seed, .faults = options_.faults});
    });
  }

  void step() {
    std::vector<pollfd> ready;
    for (const auto& worker : workers_)
      ready.push_back({worker ? worker->fd() : -1, POLLIN, 0});
    poll(ready.data(), ready.size(), 1000);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (!workers_[i]) continue;
      if (ready[i].revents != 0) {
        for (Outcome& outcome : workers_[i]->read())
          add(std::move(outcome));
      } else if (workers_[i]->age() > kHang) {
        add(workers_[i]->give_up());
      }
      if (workers_[i]->is_done()) replace(workers_[i]);
    }
  }

  void replace(std::unique_ptr<Worker>& worker) {
    const Range left = worker->rest();
    worker = left.empty() ? next_worker() : start(left);
  }

  void add(Outcome outcome) {
    ++sums_.seeds;
    sums_.operations += outcome.operations;
    sums_.undecided += outcome.undecided;
    sums_.virtual_us += outcome.virtual_us;
    sums_.faults += outcome.faults;
    if (outcome.code == kClean) return;
    fmt::print("seed {}: {}\n", outcome.seed, outcome.reason);
    std::fflush(stdout);
    sums_.failed.push_back(std::move(outcome));
  }

  std::uint64_t count(ExitCode code) const {
    return static_cast<std::uint64_t>(std::count_if(sums_.failed.begin(), sums_.failed.end(),
                                                    [&](const Outcome& outcome) { return outcome.code == code; }));
  }

  void print(double seconds) const {
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    const auto to_ms = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    const double seeds = static_cast<double>(std::max<std::uint64_t>(sums_.seeds, 1));
    fmt::print("{} seeds in {:.1f} s: {:.1f} a second in {} jobs, {:.1f} ms of CPU each\n", sums_.seeds, seconds,
               seeds / seconds, options_.jobs, (to_ms(used.ru_utime) + to_ms(used.ru_stime)) / seeds);
    fmt::print("{:.2f} virtual hours, {} operations checked, {} histories undecided\n",
               static_cast<double>(sums_.virtual_us) / 3.6e9, sums_.operations, sums_.undecided);
    std::string faults;
    for (const auto& description : dht::testing::fault_descriptions())
      faults += fmt::format(" {} {},", description.name, sums_.faults[description.fault]);
    faults.back() = '\n';
    fmt::print("faults:{}", faults);
    fmt::print("failed: {} wrong answers, {} stalls, {} crashes\n", count(kWrongAnswer), count(kStall), count(kCrash));
  }

  ExitCode code() const {
    for (const ExitCode code : {kWrongAnswer, kStall, kCrash}) {
      if (count(code) > 0) return code;
    }
    return kClean;
  }

  const Options options_;
  Range rest_;
  std::vector<std::unique_ptr<Worker>> workers_;  ///< null where there is nothing left for it
  Sums sums_;
};

}  // namespace

ExitCode run_campaign(const Options& options) { return Campaign(options).run(); }

}  // namespace sim
