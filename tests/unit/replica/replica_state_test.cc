// What a durable storage keeps of a replica, as bytes.
#include "replica/replica_state.h"

#include <string_view>

#include <doctest/doctest.h>

namespace dht::replica {

TEST_CASE("a state is read back as it was written, and nothing else is taken for one") {
  const ReplicaState state{.followed = 3,
                           .since = 4,
                           .is_complete = true,
                           .seq = 9,
                           .clock = 77,
                           .starts = {{1, 1}, {3, 8}},
                           .merges = {{NodeId{5}, 6, 7}}};
  const std::string bytes = encode(state);
  CHECK(decode_replica_state(bytes) == state);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_replica_state(std::string_view(bytes).substr(0, size)));
  CHECK_FALSE(decode_replica_state(bytes + "x"));
}

}  // namespace dht::replica
