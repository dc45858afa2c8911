// Admission: whether a newcomer may be let in, and the sentence that it gets where not.
//
// Thread rule: plain functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/map_change.h"
#include "cluster/scene.h"

namespace dht::cluster {

/// A setting that is fixed when a cluster is founded, and told otherwise.
struct SettingConflict {
  std::string_view what;  ///< after a number
  std::uint32_t told;
  std::uint32_t founded;
};
/// The first of them; nothing where what was told is what was founded.
std::optional<SettingConflict> find_conflict(std::optional<std::uint32_t> partitions,
                                             std::optional<std::uint32_t> replicas,
                                             std::optional<std::uint32_t> lease_ms, const ClusterSettings& founded);

/// What no state of the cluster would change: the record must make sense, the settings must be the cluster's where the
/// newcomer was told any, its clock must not be far ahead of `wall_ms`. Empty where nothing is wrong.
std::optional<wire::Answer> judge_call(const wire::Call& join, std::uint64_t wall_ms, const ClusterSettings& settings,
                                       std::uint64_t max_clock_skew_ms);

/// Whether the newcomer's id or name is held, in the chosen map, in a way that rules the join out at once.
std::optional<wire::Answer> judge_record(const NodeRecord& newcomer, const Scene& scene);

/// Makes the newcomer's name free in `change`. A dead member that bore it is the newcomer's predecessor, and known to
/// be gone: it is removed if it holds nothing, and marked down if it holds partitions, which stay unserved.
std::optional<wire::Answer> make_room(const NodeRecord& newcomer, const Scene& scene, MapChange& change);

/// The refusal of a newcomer whose name `holder` bears.
wire::Answer name_taken(const NodeRecord& holder, const NodeRecord& newcomer);
wire::Answer member_already(const NodeRecord& node);
wire::Answer closed_for_now();

}  // namespace dht::cluster
