// The errors of libdht: one small closed category. Each code says what was and what was not done.
//
// Thread rule: everything here may be used from any thread.
#pragma once

#include <string>
#include <system_error>

namespace dht {

enum class Errc {
  /// Certainly not done: no primary, no answer in time, or refused. The same request may be sent again.
  not_applied = 1,
  /// A write was on its way when the connection broke, the deadline passed or it was cancelled: done or not done.
  outcome_unknown,
  /// A condition on the entry's version did not hold; nothing was changed.
  precondition_failed,
  /// The key, value or message is over its limit; nothing was changed.
  too_large,
  /// Refused before any work because too many requests are under way; nothing was changed.
  overloaded,
  /// The operation was cancelled before anything was done.
  cancelled,
  /// The node, transport or scheduler has been stopped; nothing was changed.
  stopped,
  /// Another operation stands in the way (a join during a leave, a name already taken); nothing was changed.
  conflict,
  /// The other side speaks another version, or has other fixed settings; nothing was changed.
  incompatible,
  /// An argument makes no sense (an empty key, a malformed address); nothing was changed.
  invalid_argument,
  /// None of the named peers answered as a node of a cluster; nothing was changed.
  unreachable,
  /// Bytes received or stored do not have the form that they must have.
  corrupt,
  /// A node that would keep the entry is at its limit of memory; nothing was changed. Reads and erases go on.
  out_of_memory,
};
/// Codes travel as numbers: a new one comes last.
inline constexpr Errc kLastErrc = Errc::out_of_memory;

/// The category of every `Errc`; its name is "dht".
const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(Errc code) noexcept { return {static_cast<int>(code), error_category()}; }

/// An error with a sentence for a person: what happened, what was kept, what to do. No error means success.
struct Status {
  std::error_code code;
  std::string message;

  explicit operator bool() const noexcept { return static_cast<bool>(code); }  ///< True where there is an error.
};

}  // namespace dht

template <>
struct std::is_error_code_enum<dht::Errc> : std::true_type {};
