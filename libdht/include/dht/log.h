// The library logs through a sink that it is given, never through a global logger.
//
// Thread rule: a sink may be called from any of the node's threads, several at once.
#pragma once

#include <functional>
#include <string_view>

namespace dht {

enum class LogLevel { debug, info, warning, error };

/// Gets one line without a line feed. An empty sink drops everything. It must not call back into the node.
using LogSink = std::function<void(LogLevel level, std::string_view line)>;

}  // namespace dht
