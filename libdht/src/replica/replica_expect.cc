// Hints: fetching into the caches what an operation or a frame will use, one piece of the way per step.
#include "base/fetch.h"
#include "replica/replica.h"

namespace dht::replica {

void Replica::expect(PartitionStorage::ExpectedKey& expected, unsigned step) const noexcept {
  if (step == 0) return base::fetch_object(*this);
  if (step == 1) {
    storage_.fetch_ahead();
    history_.fetch_ahead();
    pending_.fetch_ahead();
    for (const FollowerStream& stream : streams_)
      base::fetch_object(stream);
    return;
  }
  if (step == 2) {
    history_.fetch_first_kept();
    for (const FollowerStream& stream : streams_)
      stream.fetch_ahead();
  }
  if (!expected.key.empty()) storage_.expect(expected, step - 2);
}

}  // namespace dht::replica
