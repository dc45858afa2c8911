// Options: what an operator can set, and where it comes from: the command line, else the environment, else a file.
//
// Thread rule: plain values and a pure function.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <dht/entry.h>
#include <dht/log.h>

#include "log.h"

namespace dhtd {

struct Options {
  std::string name;  ///< empty: host:port
  std::string host = "localhost";
  std::uint16_t port = 9876;
  std::string advertise;  ///< empty: host:port
  std::string join;       ///< empty: none
  std::optional<std::uint32_t> partitions;
  std::optional<std::uint32_t> replicas;
  std::optional<std::uint32_t> lease_ms;
  unsigned threads = 0;  ///< zero: as many as the machine has cores
  std::size_t max_key_bytes = dht::kMaxKeyBytes;
  std::size_t max_value_bytes = dht::kDefaultMaxValueBytes;
  std::uint64_t max_memory_bytes = 0;  ///< zero: no limit
  std::string data_dir;                ///< empty: everything in memory
  bool sync_answers = true;
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;
  std::chrono::milliseconds return_patience{20'000};
  std::size_t max_connections = 10'000;
  std::size_t max_in_flight = 128;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds stop_timeout{60'000};
  dht::LogLevel log_level = dht::LogLevel::info;
  LogFormat log_format = LogFormat::text;
};

/// What came of the command line: options, or a text for the user and the code to exit with.
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
  std::string out;  ///< for stdout: help, version
  std::string err;  ///< for stderr: what is wrong
};

/// The value of an environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& variable)>;

/// `arguments` without the program's name.
ParsedOptions parse_options(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace dhtd
