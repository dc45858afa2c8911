#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <dht/testing/linearizability.h>
#include <dht/testing/simulation.h>

#include "fault_schedule.h"
#include "healing.h"
#include "observer.h"

namespace dht::testing {
namespace simulation {
namespace {

/// Half a second of search at most. Histories with very many writes of unknown fate are left undecided.
constexpr std::size_t kMaxConfigurations = 200'000;

/// The user's parts, and the simulation's watch over the storage among them. The watch goes first.
ProcessHook hook_of(const SimulationOptions& options, Shelves& shelves) {
  return [hook = options.on_new_process, &shelves](const NewProcess& process) {
    using Kept = std::pair<std::shared_ptr<void>, std::shared_ptr<void>>;
    auto of_user = hook ? hook(process) : nullptr;
    return std::make_shared<Kept>(std::move(of_user), shelves.watch(process));
  };
}

/// Nodes that understand each other send nothing that makes no sense, and are never told to be what they cannot be.
Setting listening(Setting setting, Findings& findings) {
  setting.node.log = [&findings](LogLevel, std::string_view line) {
    for (const std::string_view complaint :
         {"that makes no sense", "that made no sense", "message makes no sense", "but it has no copy"}) {
      if (line.find(complaint) == std::string_view::npos) continue;
      findings.add({Ending::wrong_answer, "sound messages", std::string(line), {}});
    }
  };
  return setting;
}

/// One run, from its seed to its report.
class Run {
 public:
  Run(const SimulationOptions& options, Dice& dice, const Setting& setting)
      : setting_(setting),
        world_(listening(setting, findings_), dice.roll(), hook_of(options, shelves_)),
        trace_(options.trace, world_.timeline()),
        desk_(world_, findings_),
        workload_(desk_, setting, dice.roll()),
        lifecycle_(desk_, workload_, shelves_, trace_, setting, dice.roll()),
        losses_(desk_),
        operator_(desk_, lifecycle_, losses_, trace_, dice.roll()),
        observer_(world_, findings_, trace_, dice.roll()),
        faults_(world_, lifecycle_, operator_, observer_.endurance(), setting, trace_, dice.roll()),
        healing_(desk_, workload_, lifecycle_, operator_, shelves_, setting, trace_, dice.roll()) {}

  SimulationReport run() {
    observer_.on_new_map([this](const ClusterMapPtr& map) {
      losses_.follow(map, workload_.home_keys(), workload_.arriving_keys());
      faults_.on_new_map();
    });
    observer_.on_cast_out([this](std::size_t place) { lifecycle_.cast_out(place); });
    observer_.on_guest([this](std::size_t place) { lifecycle_.end_host(place); });
    observer_.start();
    workload_.start();
    faults_.start();
    world_.cluster().run_until([this] { return !findings_.empty(); }, setting_.duration);
    faults_.heal();
    if (findings_.empty()) healing_.run();
    observer_.look();
    end_processes();
    judge_histories();
    return report();
  }

 private:
  /// Whatever was under way is answered now at the latest.
  void end_processes() {
    for (const std::size_t place : world_.running())
      lifecycle_.stop(place);
    world_.cluster().run_for(std::chrono::milliseconds(1));
    if (auto unanswered = desk_.answers().unanswered())
      findings_.add({Ending::stall, "answered once", std::move(*unanswered), {}});
  }

  void judge_histories() {
    for (const auto& [key, history] : desk_.ledger().histories()) {
      if (!findings_.empty()) return;
      Judgement judgement = check_linearizability(
          history, {.max_configurations = kMaxConfigurations, .one_clock = !Workload::is_luggage(key)});
      if (judgement.verdict == Verdict::undecided) ++undecided_;
      if (judgement.verdict != Verdict::violated) continue;
      findings_.add({Ending::wrong_answer, "linearizable", fmt::format("the history of {} is not linearizable", key),
                     std::move(judgement.explanation)});
    }
  }

  SimulationReport report() {
    SimulationReport report;
    if (const auto& finding = findings_.first()) {
      report.ending = finding->ending;
      report.property = finding->property;
      report.reason = finding->reason;
      report.detail = finding->detail;
    }
    report.virtual_time = world_.timeline().now().since_start;
    report.operations = desk_.asked();
    report.undecided = undecided_;
    report.faults = faults_.counts();
    report.fingerprint = desk_.ledger().fingerprint();
    return report;
  }

  const Setting setting_;
  Findings findings_;
  Shelves shelves_;
  World world_;
  Trace trace_;
  Desk desk_;
  Workload workload_;
  Lifecycle lifecycle_;
  Losses losses_;
  Operator operator_;
  Observer observer_;
  FaultSchedule faults_;
  Healing healing_;
  std::size_t undecided_ = 0;
};

}  // namespace
}  // namespace simulation

SimulationReport simulate(const SimulationOptions& options) {
  simulation::Dice dice(options.seed);
  const simulation::Setting setting = simulation::draw_setting(dice, options.faults);
  if (options.trace) options.trace(describe(setting));
  try {
    return simulation::Run(options, dice, setting).run();
  } catch (const std::system_error& error) {
    SimulationReport report;
    report.ending = Ending::stall;
    report.property = "progress";
    report.reason = error.what();
    return report;
  }
}

}  // namespace dht::testing
