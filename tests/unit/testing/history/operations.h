// Operations for hand-made histories. Times are numbers; each value is also the name of its version.
//
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <dht/testing/history.h>

namespace histories {

using dht::Entry;
using dht::Instant;
using dht::Precondition;
using dht::Value;
using dht::Version;
using dht::testing::History;
using dht::testing::Operation;

struct Span {
  int from = 0;
  int to = 0;  ///< zero: it never returned
};

inline Instant at(int time) { return Instant{std::chrono::milliseconds(time)}; }

/// One version for each value of a single letter.
inline Version version_of(const std::string& value) { return static_cast<Version>(value.at(0)) * 10; }
inline Entry entry_of(const std::string& value) { return {Value(value), version_of(value)}; }

inline Operation make(Operation::Kind kind, Span span) {
  Operation operation;
  operation.kind = kind;
  operation.outcome = span.to == 0 ? Operation::Outcome::unknown : Operation::Outcome::done;
  operation.invoked = at(span.from);
  if (span.to != 0) operation.returned = at(span.to);
  return operation;
}

inline Operation get(Span span, const std::string& value) {
  Operation operation = make(Operation::Kind::get, span);
  operation.entry = entry_of(value);
  return operation;
}
inline Operation get_nothing(Span span) { return make(Operation::Kind::get, span); }

inline Operation put(Span span, const std::string& value, Precondition condition = {}) {
  Operation operation = make(Operation::Kind::put, span);
  operation.value = value;
  operation.precondition = condition;
  if (span.to != 0) operation.version = version_of(value);
  return operation;
}
inline Operation erase(Span span, Precondition condition = {}) {
  Operation operation = make(Operation::Kind::erase, span);
  operation.precondition = condition;
  return operation;
}
inline Operation merge(Span span, const std::string& value) {
  Operation operation = make(Operation::Kind::merge, span);
  operation.outcome = Operation::Outcome::unknown;
  operation.entry = entry_of(value);
  return operation;
}
inline Operation loss(Span span) { return make(Operation::Kind::loss, span); }

inline Operation found(Operation operation, bool existed) {
  operation.existed = existed;
  return operation;
}
inline Operation failed(Operation operation) {
  operation.outcome = Operation::Outcome::precondition_failed;
  operation.version = 0;
  return operation;
}
inline Operation not_applied(Operation operation) {
  operation.outcome = Operation::Outcome::not_applied;
  operation.version = 0;
  return operation;
}

inline Precondition if_is(const std::string& value) { return Precondition::matches(version_of(value)); }
inline Precondition if_absent() { return Precondition::absent(); }

}  // namespace histories
