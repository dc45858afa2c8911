// Register: the one place that holds the newest cluster map. A change is a compare-and-set on its revision.
//
// Implementations: `QuorumRegister` (libdht/src/agreement/quorum_register.h), kept by a majority of the voters that the
// map names.
//
// Thread rule: called from the membership's strand only; handlers are called there, never inside the call.
#pragma once

#include <system_error>

#include <dht/cluster_map.h>
#include <dht/function.h>

namespace dht {

class Register {
 public:
  /// Gets the newest chosen map. Errors: not_applied (the holder did not answer), stopped.
  using ReadHandler = Function<void(std::error_code, ClusterMapPtr)>;
  /// No error: `next` is chosen. Errc::conflict: the register holds another revision, which is passed. not_applied: no
  /// change was made. outcome_unknown: read to find out.
  using WriteHandler = Function<void(std::error_code, ClusterMapPtr newest)>;

  virtual ~Register() = default;
  virtual void read(ReadHandler handler) = 0;
  /// Replaces the map of revision `expected` by `next`, whose revision is `expected + 1`.
  virtual void compare_and_set(Revision expected, ClusterMapPtr next, WriteHandler handler) = 0;
};

}  // namespace dht
