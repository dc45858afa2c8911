// The sequential behaviour of one key, in small numbers: what each operation demands of the state before it, and what
// it leaves.
//
// Thread rule: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <dht/testing/history.h>

namespace dht::testing::history {

/// What the key holds: the number of an entry, since each value of a history is written once.
using EntryNumber = std::uint32_t;
inline constexpr EntryNumber kAbsent = 0;
/// An entry that nobody wrote.
inline constexpr EntryNumber kNobodys = UINT32_MAX;

/// An operation that was answered or may have had an effect.
struct Step {
  enum class Demand : std::uint8_t { anything, nothing, absent, present, entry, version, not_version, older };

  Demand demand = Demand::anything;
  EntryNumber entry = kAbsent;
  Version version = 0;  ///< for `older`: absent, or an entry of a version that is lower or not known
  std::optional<bool> existed{};
  std::optional<EntryNumber> leaves{};  ///< none: what was there before
  Instant invoked{};
  Instant returned = Operation::kNever;
  bool required = true;       ///< otherwise it may be left out
  std::size_t operation = 0;  ///< its place in the history
};

class KeyModel {
 public:
  /// Throws std::invalid_argument where two operations write the same value.
  /// `one_clock`: see LinearizabilityOptions.
  KeyModel(std::span<const Operation> history, bool one_clock);

  /// In the order of their calls.
  const std::vector<Step>& steps() const noexcept { return steps_; }
  /// A value of two versions, or a version that was given twice, as a sentence: no order could explain that.
  const std::optional<std::string>& contradiction() const noexcept { return contradiction_; }
  /// The state after `step`; nothing where that step cannot come in this state.
  std::optional<EntryNumber> apply(const Step& step, EntryNumber state) const noexcept;

 private:
  bool holds(const Step& step, EntryNumber state) const noexcept;

  std::vector<Step> steps_;
  std::vector<Version> versions_;  ///< by number of the entry; zero where the history does not tell
  std::optional<std::string> contradiction_;
};

}  // namespace dht::testing::history
