// Replay: one seed, told from beginning to end.
//
// Thread rule: one thread.
#pragma once

#include "options.h"
#include "outcome.h"

namespace sim {

/// Prints the same bytes each time. Runs the seed in a process of its own, so that a crash is told like other failures.
ExitCode replay(const Options& options);

}  // namespace sim
