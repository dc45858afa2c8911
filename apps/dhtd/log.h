// Log: lines for the operator on stderr, as text or as JSON, one event a line.
//
// Thread rule: the sink may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <dht/log.h>

namespace spdlog {
class logger;
}

namespace dhtd {

enum class LogFormat : std::uint8_t { text, json };

/// One line, its line feed included. Whatever `message` holds (a node's name comes from outside), it stays one line.
std::string format_log_line(LogFormat format, dht::LogLevel level, std::chrono::system_clock::time_point at,
                            std::string_view message);

class Log {
 public:
  Log(LogFormat format, dht::LogLevel least);

  /// Valid as long as this object or a copy of the sink.
  dht::LogSink sink() const;
  void flush() const;

 private:
  std::shared_ptr<spdlog::logger> logger_;  ///< shared with the sinks
};

}  // namespace dhtd
