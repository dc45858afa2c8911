#include "replica/replica_state.h"

#include <cstdint>

#include "wire/fixed.h"

namespace dht::replica {
namespace {

/// On disk: a newer form gets another number.
constexpr std::uint8_t kForm = 1;
constexpr std::size_t kStartBytes = 16;
constexpr std::size_t kMarkBytes = 24;

/// So many cannot follow.
bool is_too_many(std::uint32_t count, std::size_t each, const wire::FixedReader& in) {
  return count > in.left() / each;
}

}  // namespace

std::string encode(const ReplicaState& state) {
  return wire::encode_fixed([&](auto& out) {
    out.put(kForm);
    out.put(static_cast<std::uint8_t>(state.is_complete));
    out.put(state.followed);
    out.put(state.since);
    out.put(state.seq);
    out.put(state.clock);
    out.put(static_cast<std::uint32_t>(state.starts.size()));
    for (const wire::EpochStart& start : state.starts) {
      out.put(start.epoch);
      out.put(start.first);
    }
    out.put(static_cast<std::uint32_t>(state.merges.size()));
    for (const wire::MergeMark& mark : state.merges) {
      out.put(mark.joiner.value);
      out.put(mark.number);
      out.put(mark.by);
    }
  });
}

std::optional<ReplicaState> decode_replica_state(std::string_view bytes) {
  wire::FixedReader in(bytes);
  if (in.get<std::uint8_t>() != kForm) return std::nullopt;
  ReplicaState state;
  state.is_complete = in.get<std::uint8_t>() != 0;
  state.followed = in.get<Epoch>();
  state.since = in.get<Revision>();
  state.seq = in.get<Seq>();
  state.clock = in.get<Version>();
  const auto starts = in.get<std::uint32_t>();
  if (is_too_many(starts, kStartBytes, in)) return std::nullopt;
  for (std::uint32_t i = 0; i < starts; ++i) {
    const auto epoch = in.get<Epoch>();
    state.starts.push_back({epoch, in.get<Seq>()});
  }
  const auto merges = in.get<std::uint32_t>();
  if (is_too_many(merges, kMarkBytes, in)) return std::nullopt;
  for (std::uint32_t i = 0; i < merges; ++i) {
    const NodeId joiner{in.get<std::uint64_t>()};
    const auto number = in.get<std::uint64_t>();
    state.merges.push_back({joiner, number, in.get<Revision>()});
  }
  if (!in.complete()) return std::nullopt;
  return state;
}

}  // namespace dht::replica
