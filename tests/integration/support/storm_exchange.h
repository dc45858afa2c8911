// One operation of a client, sent over HTTP and written down as the linearizability checker reads it.
//
// Thread rule: one thread at a time, each with connections of its own.
#pragma once

#include <string>
#include <string_view>

#include <dht/scheduler.h>
#include <dht/testing/history.h>

#include "support/http_client.h"

namespace dht::integration {

/// Time since the storm began.
struct StormClock {
  SteadyClock::time_point start;
  Instant now() const { return {SteadyClock::now() - start}; }
};

struct Exchange {
  std::string_view outcome;  ///< "done", "412", "503", "504", "timed out", "broken" or "unlawful"
  std::string trouble = {};  ///< where the answer is none that the server may give

  bool has_lost_connection() const { return outcome == "timed out" || outcome == "broken"; }
};

/// Sends what `operation` asks of the key (its kind, value and precondition) and fills in the rest but `by`. Whatever
/// becomes of a read that is not done is "not applied": nothing is known by it.
Exchange exchange(HttpClient& http, std::string_view key, const StormClock& clock, testing::Operation& operation);

/// Fills in what a GET was answered with; empty, or what is wrong with the answer.
std::string take_answer_to_get(const Response& response, testing::Operation& operation);

/// The number in a header `ETag: "<version>"`; zero where there is none.
Version version_of(const Response& response);

}  // namespace dht::integration
