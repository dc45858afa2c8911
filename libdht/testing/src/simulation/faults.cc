#include <algorithm>

#include <dht/testing/faults.h>

namespace dht::testing {
namespace {

constexpr std::array<FaultDescription, kFaults> kDescriptions{{
    {Fault::delay, "delay", "messages take up to a hundred times longer for a while"},
    {Fault::lost_connection, "lost_connection", "connections break with all that is on its way"},
    {Fault::one_way_cut, "one_way_cut", "what one node sends does not arrive, what it is sent does"},
    {Fault::two_way_cut, "two_way_cut", "nothing gets through between some nodes"},
    {Fault::slow_storage, "slow_storage", "storage answers late and not in order, all through the run"},
    {Fault::drift, "drift", "clocks gain or lose up to 4.5 %"},
    {Fault::wall_clock, "wall_clock", "a node's wall clock is set"},
    {Fault::pause, "pause", "a process stands still for a while, as after SIGSTOP"},
    {Fault::process_crash, "process_crash", "a process ends in mid-sentence, its connections are reset"},
    {Fault::machine_crash, "machine_crash", "a machine falls silent"},
    {Fault::restart, "restart", "a process that ended starts again, under its name and address"},
    {Fault::join, "join", "a node joins, with entries of its own"},
    {Fault::leave, "leave", "a node leaves; later it joins again or ends"},
    {Fault::forget, "forget", "an operator gives up a node that is down, dead or not"},
    {Fault::late_grant, "late_grant", "a node hears late what its leader grants it, and then falls silent"},
    {Fault::duel, "duel", "a leader comes back just as another one is being elected, which does not hear it"},
    {Fault::disk, "disk",
     "nodes keep what they have on disk, and a crash takes what is not synced: all through the run"},
    {Fault::power_cut, "power_cut", "some nodes, or all, lose power at once, and come back (needs disk)"},
}};

}  // namespace

std::span<const FaultDescription, kFaults> fault_descriptions() noexcept { return kDescriptions; }

std::string_view to_string(Fault fault) noexcept { return kDescriptions[static_cast<std::size_t>(fault)].name; }

std::optional<Fault> find_fault(std::string_view name) noexcept {
  const auto found = std::find_if(kDescriptions.begin(), kDescriptions.end(),
                                  [&](const FaultDescription& description) { return description.name == name; });
  if (found == kDescriptions.end()) return std::nullopt;
  return found->fault;
}

}  // namespace dht::testing
