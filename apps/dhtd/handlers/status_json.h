// The JSON of `GET /dht/status`, which programs rely on: fields may be added, none renamed.
//
// Thread rule: a pure function.
#pragma once

#include <string>

#include <dht/node.h>

namespace dhtd {

std::string to_json(const dht::NodeStatus& status);

}  // namespace dhtd
