#include "options.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <dht/cluster_map.h>
#include <dht/partitioner.h>
#include <dht/types.h>

#include "byte_size.h"
#include "config_file.h"

namespace dhtd {
namespace {

constexpr int kBadUsage = 2;
constexpr std::size_t kLargestValueLimit = 64u * 1024 * 1024;
constexpr double kLongestTimeout = 7 * 24 * 3600;

constexpr const char* kDescription =
    "dhtd: one process of a distributed hash table, spoken to over HTTP.\n"
    "\n"
    "Start one, put a value and get it back:\n"
    "  dhtd --port 9876\n"
    "  curl -X PUT --data-binary 'a value' http://localhost:9876/db/a-key\n"
    "  curl http://localhost:9876/db/a-key\n"
    "\n"
    "Start a second one that shares the table, and ask who is a member:\n"
    "  dhtd --port 9877 --join localhost:9876\n"
    "  curl http://localhost:9877/dht/peers\n";

constexpr const char* kFooter =
    "Every option can also be set by an environment variable, DHTD_ and its name in capitals\n"
    "(DHTD_MAX_VALUE_BYTES=2000000), or in the file of --config, one a line (max-value-bytes = 2000000;\n"
    "the value is the rest of the line, and lines that begin with # are comments).\n"
    "The command line comes before the environment, the environment before the file.\n"
    "\n"
    "SIGTERM and SIGINT hand the data over to the other members, then end the process; a second one ends it at once.\n"
    "With --data-dir the node stays a member, hands over what others have a copy of, and comes back with the rest.\n"
    "Exit codes: 0 stopped as told, 1 could not start, 2 wrong usage, 3 could not hand everything over in time,\n"
    "4 the storage failed.\n"
    "\n"
    "There is no authentication yet: whoever reaches the port may read and write everything.\n";

std::string check_name(const std::string& name) {
  if (name.empty() || name.size() > 255) return "a name has 1 to 255 bytes";
  const bool printable = std::none_of(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == ','; });
  return printable ? "" : "a name has no control characters and no commas";
}

std::string check_address(const std::string& text) {
  if (dht::parse_address(text)) return "";
  return fmt::format("'{}' is not of the form HOST:PORT", text);
}

std::string check_peers(const std::string& text) {
  std::string bad;
  const auto peers = dht::parse_peer_list(text, &bad);
  if (!peers) return fmt::format("'{}' is not of the form HOST:PORT or NAME:HOST:PORT", bad);
  return peers->empty() ? "the list of peers is empty" : "";
}

std::string check_partitions(const std::string& text) {
  std::uint32_t count = 0;
  if (CLI::detail::lexical_cast(text, count) && dht::is_valid_partition_count(count)) return "";
  return "the number of partitions is a power of two from 1 to 16384";
}

std::string check_replicas(const std::string& text) {
  std::uint32_t copies = 0;
  if (CLI::detail::lexical_cast(text, copies) && copies >= 1 && copies <= dht::kMostReplicas) return "";
  return fmt::format("the number of copies must be from 1 to {}, not '{}'", dht::kMostReplicas, text);
}

std::string check_lease(const std::string& text) {
  std::uint32_t milliseconds = 0;
  if (CLI::detail::lexical_cast(text, milliseconds) && milliseconds >= dht::kShortestLeaseMs &&
      milliseconds <= dht::kLongestLeaseMs) {
    return "";
  }
  return fmt::format("'{}' is not a number of milliseconds from {} to {}", text, dht::kShortestLeaseMs,
                     dht::kLongestLeaseMs);
}

std::string check_byte_size(const std::string& text) {
  if (parse_byte_size(text)) return "";
  return fmt::format("'{}' is not a number of bytes, or one with K, M or G behind it (512M)", text);
}

/// Written so that it holds for no text that is "not a number" either.
std::string check_seconds(const std::string& text) {
  double seconds = 0;
  if (CLI::detail::lexical_cast(text, seconds) && seconds >= 0.001 && seconds <= kLongestTimeout) return "";
  return fmt::format("'{}' is not a number of seconds from 0.001 to {}", text, kLongestTimeout);
}

dht::LogLevel to_level(std::string_view name) noexcept {
  if (name == "debug") return dht::LogLevel::debug;
  if (name == "warning") return dht::LogLevel::warning;
  return name == "error" ? dht::LogLevel::error : dht::LogLevel::info;
}

/// A number from `least` to `most`; the help says so in words.
template <typename Number, typename Most>
CLI::Validator in_range(Number least, Most most) {
  return CLI::Range(static_cast<Most>(least), most).description("");
}

/// The parser, and the variables that are not of the type that Options has.
class CommandLine {
 public:
  CommandLine();
  ParsedOptions parse(std::vector<std::string> arguments, const Environment& environment);

 private:
  void add_identity();
  void add_storage();
  void add_limits();
  void add_log();
  template <typename Value>
  CLI::Option* add(const std::string& names, Value& value, const std::string& type, const std::string& description) {
    return app_.add_option(names, value, description)->type_name(type);
  }
  std::vector<std::string> from_environment(const Environment& environment) const;
  Options collect() const;

  CLI::App app_{kDescription, "dhtd"};
  Options options_;
  std::string sync_ = "always";
  std::string cache_ = "256M";
  double return_seconds_ = 20;
  std::string max_memory_ = "0";
  double idle_seconds_ = 60;
  double header_seconds_ = 10;
  double stop_seconds_ = 60;
  std::string log_level_ = "info";
  std::string log_format_ = "text";
};

CommandLine::CommandLine() {
  app_.footer(kFooter);
  app_.set_help_flag("-h,--help", "Print this help and exit");
  app_.set_version_flag("--version", std::string("dhtd ") + DHTD_VERSION, "Print the version and exit");
  app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app_.config_formatter(std::make_shared<ConfigFile>());
  app_.set_config("--config", "", "Read options from this file")->type_name("FILE");
  app_.allow_config_extras(CLI::config_extras_mode::error);
  add_identity();
  add_storage();
  add_limits();
  add_log();
}

void CommandLine::add_identity() {
  add("-n,--name", options_.name, "NAME", "Name of this node, unique in its cluster (default: host:port)")
      ->check(check_name);
  add("-k,--host", options_.host, "HOST", "Listen on every address that this resolves to (default: localhost)");
  add("-p,--port", options_.port, "PORT", "One port for clients and members; 0: a free one (default: 9876)")
      ->check(in_range(0, 65535));
  add("--advertise", options_.advertise, "HOST:PORT",
      "Where other members reach this node (default: host:port);\nneeded in containers, behind NAT and with a wildcard "
      "as --host")
      ->check(check_address);
  add("--join", options_.join, "LIST",
      "Join the cluster of one of these peers, HOST:PORT or NAME:HOST:PORT,\nseparated by commas; tried until it "
      "succeeds. Every node may have\nthe same list")
      ->check(check_peers);
  add("--partitions", options_.partitions, "N",
      "Parts of the table in a new cluster, a power of two up to 16384\n(default: 1024, or what the joined cluster "
      "has)")
      ->check(check_partitions);
  add("--replicas", options_.replicas, "N",
      "Copies of each entry, on as many members: 1 to 7, fixed at founding\n(default: 2, or what the joined cluster "
      "has)")
      ->check(check_replicas);
  add("--lease", options_.lease_ms, "MS",
      "How long a member may be silent before it is called down, and may\nserve without hearing from the others: 10 to "
      "60000, fixed at founding\n(default: 1000, or what the joined cluster has)")
      ->check(check_lease);
  add("--threads", options_.threads, "N", "Threads that serve requests (default: one for each core)")
      ->check(in_range(0, 1024));
}

void CommandLine::add_storage() {
  add("--data-dir", options_.data_dir, "DIR",
      "Keep everything in this directory, made where there is none: a node\n"
      "that is started with it again is what it was (default: in memory only)");
  add("--sync", sync_, "WHEN",
      "always: a write is answered when it is on disk. none: earlier; what was\n"
      "answered last is lost where the machine fails, but not where only\n"
      "the process does (default: always)")
      ->check(CLI::IsMember({"always", "none"}).description(""));
  add("--cache", cache_, "BYTES", "Memory for what is read from the directory, K, M and G may follow\n(default: 256M)")
      ->check(check_byte_size);
  add("--return-patience", return_seconds_, "SECONDS",
      "With --data-dir: how long the copies of a member that stopped are not\nreplaced, since it may come back with "
      "them "
      "(default: 20)")
      ->check(check_seconds);
}

void CommandLine::add_limits() {
  add("--max-key-bytes", options_.max_key_bytes, "BYTES", "Largest key (default and most: 65536)")
      ->check(in_range(1, dht::kMaxKeyBytes));
  add("--max-value-bytes", options_.max_value_bytes, "BYTES", "Largest value (default: 1048576, most: 67108864)")
      ->check(in_range(1, kLargestValueLimit));
  add("--max-memory", max_memory_, "BYTES",
      "Memory for entries on this node, K, M and G may follow (512M); past it\nputs are refused (507), and a tenth is "
      "kept for copies and moves. Not\nwith --data-dir (default: 0, no limit)")
      ->check(check_byte_size);
  add("--max-connections", options_.max_connections, "N", "Connections of clients at a time (default: 10000)")
      ->check(in_range(1, 10'000'000));
  add("--max-in-flight", options_.max_in_flight, "N", "Unanswered requests of one connection (default: 128)")
      ->check(in_range(1, 1'000'000));
  add("--idle-timeout", idle_seconds_, "SECONDS", "Until a connection on which nothing moves is closed (default: 60)")
      ->check(check_seconds);
  add("--header-timeout", header_seconds_, "SECONDS", "For the head of a request to arrive (default: 10)")
      ->check(check_seconds);
  add("--stop-timeout", stop_seconds_, "SECONDS", "For handing the data over when told to stop (default: 60)")
      ->check(check_seconds);
}

void CommandLine::add_log() {
  add("--log-level", log_level_, "LEVEL", "Least level on stderr: debug, info, warning, error (default: info)")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}).description(""));
  add("--log-format", log_format_, "FORMAT", "Form of these lines: text or json (default: text)")
      ->check(CLI::IsMember({"text", "json"}).description(""));
}

/// The options that the environment sets, as arguments. CLI11's own reading of the environment would come after the
/// file's.
std::vector<std::string> CommandLine::from_environment(const Environment& environment) const {
  std::vector<std::string> arguments;
  for (const CLI::Option* option : app_.get_options()) {
    const auto& names = option->get_lnames();
    if (names.empty() || names.front() == "help" || names.front() == "version") continue;
    std::string variable = "DHTD_" + names.front();
    for (char& c : variable)
      c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const auto value = environment(variable);
    if (value && !value->empty()) arguments.push_back("--" + names.front() + "=" + *value);
  }
  return arguments;
}

Options CommandLine::collect() const {
  const auto milliseconds = [](double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  };
  Options options = options_;
  options.sync_answers = sync_ != "none";
  options.cache_bytes = parse_byte_size(cache_).value_or(0);
  options.return_patience = milliseconds(return_seconds_);
  options.max_memory_bytes = parse_byte_size(max_memory_).value_or(0);
  options.idle_timeout = milliseconds(idle_seconds_);
  options.header_timeout = milliseconds(header_seconds_);
  options.stop_timeout = milliseconds(stop_seconds_);
  options.log_level = to_level(log_level_);
  options.log_format = log_format_ == "json" ? LogFormat::json : LogFormat::text;
  return options;
}

ParsedOptions CommandLine::parse(std::vector<std::string> arguments, const Environment& environment) {
  const auto earlier = from_environment(environment);
  arguments.insert(arguments.begin(), earlier.begin(), earlier.end());
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app_.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = app_.exit(error, out, err);
    return {std::nullopt, code == 0 ? 0 : kBadUsage, out.str(), err.str()};
  }
  return {collect(), 0, {}, {}};
}

}  // namespace

ParsedOptions parse_options(const std::vector<std::string>& arguments, const Environment& environment) {
  return CommandLine().parse(arguments, environment);
}

}  // namespace dhtd
