// Campaign: many seeds in several processes, and what they come to together.
//
// Thread rule: one thread.
#pragma once

#include "options.h"
#include "outcome.h"

namespace sim {

/// Prints each seed that fails when it does, and the sums in the end.
ExitCode run_campaign(const Options& options);

}  // namespace sim
