// Tells people why a history is not linearizable: which answer is the first that no order can explain.
//
// Thread rule: pure functions.
#pragma once

#include <span>
#include <string>

#include <dht/testing/history.h>
#include <dht/testing/linearizability.h>

namespace dht::testing::history {

/// What was known of the history at `moment`: the outcome of what had not returned is unknown, and what had not been
/// called is not applied. Operations keep their places. Of a linearizable history every prefix is linearizable.
History prefix(std::span<const Operation> history, Instant moment);

/// Of a history that is not linearizable.
std::string explain_violation(std::span<const Operation> history, const LinearizabilityOptions& options);

std::string explain_contradiction(std::span<const Operation> history, const std::string& contradiction);

}  // namespace dht::testing::history
