// What a learner is sent that has an old copy (replica/replica_comparing.cc). What is compared, and what comes of it,
// the scenarios of restarts and the simulator show.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "replica/replica_state.h"
#include "support.h"

namespace dht::replica {
namespace {

using testing::Host;
using testing::kLearner;

std::string state_at(Epoch epoch, Seq seq) {
  ReplicaState state{.followed = epoch, .is_complete = true, .seq = seq};
  if (seq != 0) state.starts = {{epoch, 1}};
  return encode(state);
}

/// A primary with three changes, all of which it still knows, and a learner with such an old copy.
struct Return {
  explicit Return(const std::string& state) : learner(state) {
    primary.serve(9);
    primary.disk.sync();
    for (const char* key : {"a", "b", "c"})
      primary.put(key, "1");
    primary.disk.sync();
    primary.configure({{kLearner, 5, true}});
  }
  /// Delivers until nothing is on its way; which kinds of pieces came by.
  std::vector<wire::StreamStart> settle() {
    std::vector<wire::StreamStart> starts;
    while (!primary.pieces.empty() || learner.disk.waiting_syncs() > 0) {
      while (!primary.pieces.empty()) {
        starts.push_back(primary.pieces.front().piece.start);
        learner.on_piece(std::move(primary.pieces.front().piece));
        primary.pieces.pop_front();
      }
      learner.disk.sync();
      for (; !learner.acks.empty(); learner.acks.pop_front())
        primary.on_ack(kLearner, learner.acks.front());
    }
    return starts;
  }
  bool is_level() { return primary.replica().report().level.size() == 1; }

  Host primary{std::string_view{}};
  Host learner;
};

bool has(const std::vector<wire::StreamStart>& starts, wire::StreamStart start) {
  return std::find(starts.begin(), starts.end(), start) != starts.end();
}

}  // namespace

TEST_CASE("a learner whose old copy is a prefix of the history is sent what follows") {
  Return back(state_at(9, 2));
  const auto starts = back.settle();
  CHECK(back.is_level());
  CHECK_FALSE(has(starts, wire::StreamStart::copy));
  CHECK(back.learner.entries().size() == 1);  // what it had is on a disk that this test has not
  CHECK(back.learner.value("c") == "1");
  CHECK(back.learner.replica().position() == back.primary.replica().position());
}

TEST_CASE("a learner whose old copy is of another history is copied, where the two cannot be compared") {
  Return back(state_at(7, 2));
  CHECK(has(back.settle(), wire::StreamStart::copy));
  CHECK(back.is_level());
  CHECK(back.learner.entries().size() == 3);
}

TEST_CASE("an old copy at number zero is taken for no prefix, since it may have begun with other entries") {
  Return back(state_at(1, 0));
  CHECK(has(back.settle(), wire::StreamStart::copy));
  CHECK(back.is_level());
}

TEST_CASE("what a learner was told to keep is given up by one that has nothing") {
  Return back("");
  const auto starts = back.settle();
  CHECK(has(starts, wire::StreamStart::resume));
  CHECK(has(starts, wire::StreamStart::copy));
  CHECK(back.is_level());
}

TEST_CASE("a backup that is to learn anew, by a map that has not come yet, is a learner from then on (seed 4016181)") {
  Return back(state_at(9, 2));
  back.learner.back_up({.epoch = 9, .primary_since = 9, .backups = {kLearner}});
  REQUIRE(back.learner.replica().role() == Replica::Role::backup);
  back.settle();
  CHECK(back.is_level());
  CHECK(back.learner.replica().role() == Replica::Role::learner);
  CHECK(back.learner.replica().since() == 5);
}

TEST_CASE("a learner that has become a backup stays one when its stream is taken up again") {
  Return back(state_at(9, 2));
  back.settle();
  const PartitionRecord record{.epoch = 10, .primary_since = 9, .backups = {kLearner}};
  back.primary.configure_as(record);
  back.learner.back_up(record);
  back.primary.on_follower_unreachable(kLearner);
  back.primary.tend(Instant{}, Duration{1});
  CHECK(has(back.settle(), wire::StreamStart::resume));
  CHECK(back.learner.replica().role() == Replica::Role::backup);
}

}  // namespace dht::replica
