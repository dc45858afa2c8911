// The faults that a simulation may inject, by name.
//
// Thread rule: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dht::testing {

enum class Fault : std::uint8_t {
  delay,
  lost_connection,
  one_way_cut,
  two_way_cut,
  slow_storage,
  drift,
  wall_clock,
  pause,
  process_crash,
  machine_crash,
  restart,
  join,
  leave,
  forget,
  late_grant,
  duel,
  disk,
  power_cut,
};
inline constexpr std::size_t kFaults = 18;

struct FaultDescription {
  Fault fault;
  std::string_view name;
  std::string_view what;  ///< happens, in a line
};

/// All of them, in the order of their numbers.
std::span<const FaultDescription, kFaults> fault_descriptions() noexcept;
std::string_view to_string(Fault fault) noexcept;
std::optional<Fault> find_fault(std::string_view name) noexcept;

class FaultSet {
 public:
  constexpr FaultSet() = default;
  static constexpr FaultSet all() noexcept {
    FaultSet set;
    set.bits_ = (std::uint32_t{1} << kFaults) - 1;
    return set;
  }

  constexpr bool contains(Fault fault) const noexcept { return (bits_ & bit(fault)) != 0; }
  constexpr void insert(Fault fault) noexcept { bits_ |= bit(fault); }
  constexpr void erase(Fault fault) noexcept { bits_ &= ~bit(fault); }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  bool operator==(const FaultSet&) const = default;

 private:
  static constexpr std::uint32_t bit(Fault fault) noexcept { return std::uint32_t{1} << static_cast<unsigned>(fault); }

  std::uint32_t bits_ = 0;
};

/// How often each fault was injected.
class FaultCounts {
 public:
  std::uint64_t& operator[](Fault fault) noexcept { return counts_[static_cast<std::size_t>(fault)]; }
  std::uint64_t operator[](Fault fault) const noexcept { return counts_[static_cast<std::size_t>(fault)]; }
  FaultCounts& operator+=(const FaultCounts& other) noexcept {
    for (std::size_t i = 0; i < kFaults; ++i)
      counts_[i] += other.counts_[i];
    return *this;
  }

 private:
  std::array<std::uint64_t, kFaults> counts_{};
};

}  // namespace dht::testing
