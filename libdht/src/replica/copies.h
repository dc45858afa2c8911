// Copying a partition's entries from one storage to another, marked as copies of a cluster: what a node keeps when it
// leaves (design: "Join and leave").
//
// Thread rule: call it where both storages may be used; nobody else uses them until `done` was called. Where a storage
// completes later, the copy goes on, and `done` is called, on the thread of that completion.
#pragma once

#include <system_error>

#include <dht/function.h>
#include <dht/storage.h>
#include <dht/types.h>

namespace dht::replica {

/// Puts every entry of `from` into `to`, with its version and marked as an unchanged copy of `mark`. `highest` is the
/// greatest version among them, zero where there were none: whoever serves the copy raises its clock to it. After an
/// error the copy is incomplete. Both storages outlive the call; `done` is dropped uncalled where one is destroyed
/// before it completes.
void copy_as_marked(PartitionStorage& from, PartitionStorage& to, ClusterId mark,
                    Function<void(std::error_code, Version highest)> done);

}  // namespace dht::replica
