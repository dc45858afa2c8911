#include "handlers/status_json.h"

#include <nlohmann/json.hpp>

namespace dhtd {
namespace {

using Json = nlohmann::ordered_json;

/// A member's name, or its id where the map does not know it.
std::string name_of(const dht::ClusterMap& map, dht::NodeId id) {
  const auto* node = map.find(id);
  return node == nullptr ? to_string(id) : node->name;
}

Json to_json(const dht::MemberStatus& member) {
  return {{"name", member.name},
          {"id", to_string(member.id)},
          {"address", to_string(member.address)},
          {"state", to_string(member.state)},
          {"lease", member.lease},
          {"primary", member.primary},
          {"backup", member.backup},
          {"entries", member.entries},
          {"bytes", member.bytes}};
}

Json to_json(const dht::OperationStatus& operation) {
  return {{"kind", operation.kind},
          {"node", operation.node},
          {"done", operation.done},
          {"total", operation.total},
          {"bytes_done", operation.bytes_done},
          {"seconds", operation.seconds}};
}

}  // namespace

std::string to_json(const dht::NodeStatus& status) {
  Json json;
  json["name"] = status.name;
  json["id"] = to_string(status.id);
  json["address"] = to_string(status.address);
  if (status.map != nullptr) {
    const dht::ClusterMap& map = *status.map;
    json["cluster"] = to_string(map.cluster);
    json["revision"] = map.revision;
    json["leader"] = name_of(map, map.leader);
    json["voters"] = Json::array();
    for (const auto voter : map.voters)
      json["voters"].push_back(name_of(map, voter));
    json["replicas"] = map.settings.replicas;
    json["lease_ms"] = map.settings.lease_ms;
  }
  json["ready"] = status.ready;
  json["partitions"] = {{"total", status.map == nullptr ? 0 : status.map->settings.partitions},
                        {"healthy", status.healthy},
                        {"under_replicated", status.under_replicated},
                        {"unserved", status.unserved},
                        {"moving", status.moving}};
  json["members"] = Json::array();
  for (const auto& member : status.members)
    json["members"].push_back(to_json(member));
  json["operations"] = Json::array();
  for (const auto& operation : status.operations)
    json["operations"].push_back(to_json(operation));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dhtd
