#include "log.h"

#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace dhtd {
namespace {

std::string_view level_name(dht::LogLevel level) noexcept {
  switch (level) {
    case dht::LogLevel::debug:
      return "debug";
    case dht::LogLevel::info:
      return "info";
    case dht::LogLevel::warning:
      return "warning";
    case dht::LogLevel::error:
      return "error";
  }
  return "error";
}

spdlog::level::level_enum to_spdlog(dht::LogLevel level) noexcept {
  switch (level) {
    case dht::LogLevel::debug:
      return spdlog::level::debug;
    case dht::LogLevel::info:
      return spdlog::level::info;
    case dht::LogLevel::warning:
      return spdlog::level::warn;
    case dht::LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

dht::LogLevel from_spdlog(spdlog::level::level_enum level) noexcept {
  if (level <= spdlog::level::debug) return dht::LogLevel::debug;
  if (level == spdlog::level::info) return dht::LogLevel::info;
  return level == spdlog::level::warn ? dht::LogLevel::warning : dht::LogLevel::error;
}

std::string timestamp(std::chrono::system_clock::time_point at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(at - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     milliseconds);
}

std::string without_control_characters(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      clean += fmt::format("\\x{:02x}", byte);
    } else {
      clean.push_back(c);
    }
  }
  return clean;
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) noexcept : format_(format) {}
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto line = format_log_line(format_, from_spdlog(message.level), message.time,
                                      {message.payload.data(), message.payload.size()});
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(format_); }

 private:
  LogFormat format_;
};

}  // namespace

std::string format_log_line(LogFormat format, dht::LogLevel level, std::chrono::system_clock::time_point at,
                            std::string_view message) {
  if (format == LogFormat::text) {
    return fmt::format("{} {:<7} {}\n", timestamp(at), level_name(level), without_control_characters(message));
  }
  nlohmann::ordered_json json;
  json["time"] = timestamp(at);
  json["level"] = level_name(level);
  json["message"] = message;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Log::Log(LogFormat format, dht::LogLevel least)
    : logger_(std::make_shared<spdlog::logger>("dhtd", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_formatter(std::make_unique<LineFormatter>(format));
  logger_->set_level(to_spdlog(least));
  logger_->flush_on(spdlog::level::debug);
}

dht::LogSink Log::sink() const {
  return [logger = logger_](dht::LogLevel level, std::string_view line) {
    logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  };
}

void Log::flush() const { logger_->flush(); }

}  // namespace dhtd
