// Copying a partition's entries from one storage to another, marked as copies of a cluster: what a node keeps when it
// leaves (design: "Join and leave").
//
// Thread rule: call it where both storages may be used; nobody else uses them until `done` was called. Where a storage
// completes later, the copy goes on, and `done` is called, where `resume` runs the step that it is given.
#pragma once

#include <system_error>

#include <dht/function.h>
#include <dht/storage.h>
#include <dht/types.h>

namespace dht::replica {

/// Puts every entry of `from` into `to`, with its version and marked as an unchanged copy of `mark`; of none where
/// that is zero. `highest` is the
/// greatest version among them, zero where there were none: whoever serves the copy raises its clock to it. After an
/// error the copy is incomplete. `resume` is called inside a storage's completion, with the step that follows it; it
/// may run that at once or later, or drop it where a storage is gone. `done` is then dropped uncalled.
void copy_as_marked(PartitionStorage& from, PartitionStorage& to, ClusterId mark,
                    Function<void(Function<void()> step)> resume,
                    Function<void(std::error_code, Version highest)> done);

}  // namespace dht::replica
