#include "cluster/map_writer.h"

#include <cstddef>
#include <utility>

namespace dht::cluster {

namespace {

/// Cut out of a call that carries nothing else that comes after it. Its tag stays the affair of `wire`.
std::string field_of(const ClusterMapPtr& map) {
  wire::Call call;
  const std::size_t others = wire::encode(call).size();
  call.map = map;
  return wire::encode(call).substr(others);
}

}  // namespace

std::string MapWriter::encode(wire::Call call) {
  ClusterMapPtr map = std::exchange(call.map, nullptr);
  std::string bytes = wire::encode(call);
  if (map == nullptr) return bytes;
  if (map != map_) {
    field_ = field_of(map);
    map_ = std::move(map);
  }
  // A message is its fields, one after the other, and no field's place among them means anything.
  return bytes.append(field_);
}

void MapWriter::forget() { *this = {}; }

}  // namespace dht::cluster
