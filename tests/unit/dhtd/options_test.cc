// Options: where they come from, which come first, and what bad ones get.
#include "options.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>

#include <doctest/doctest.h>

using namespace dhtd;

namespace {

ParsedOptions parse(const std::vector<std::string>& arguments,
                    const std::map<std::string, std::string>& variables = {}) {
  return parse_options(arguments, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

/// A file that lasts as long as the object.
class File {
 public:
  explicit File(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("dhtd-options-" + std::to_string(std::random_device{}()))) {
    std::ofstream(path_) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("the defaults") {
  const auto parsed = parse({});
  REQUIRE(parsed.options.has_value());
  CHECK(parsed.options->host == "localhost");
  CHECK(parsed.options->port == 9876);
  CHECK(parsed.options->name.empty());
  CHECK(parsed.options->max_value_bytes == 1024 * 1024);
  CHECK(parsed.options->max_memory_bytes == 0);
  CHECK_FALSE(parsed.options->partitions.has_value());
  CHECK_FALSE(parsed.options->lease_ms.has_value());
  CHECK(parsed.options->idle_timeout == std::chrono::seconds(60));
}

TEST_CASE("what is kept where, and when a write is answered") {
  CHECK(parse({}).options->data_dir.empty());
  CHECK(parse({}).options->sync_answers);
  const auto parsed = parse({"--data-dir", "/var/lib/dht", "--sync=none", "--cache", "1G", "--return-patience", "2.5"});
  REQUIRE(parsed.options.has_value());
  CHECK(parsed.options->data_dir == "/var/lib/dht");
  CHECK_FALSE(parsed.options->sync_answers);
  CHECK(parsed.options->cache_bytes == 1024u * 1024 * 1024);
  CHECK(parsed.options->return_patience == std::chrono::milliseconds(2500));
  CHECK(parse({"--sync=sometimes"}).exit_code == 2);
  CHECK(parse({"--help"}).out.find("lost where the machine") != std::string::npos);
}

TEST_CASE("short and long names") {
  const auto parsed = parse({"-n",           "a",
                             "-k",           "::1",
                             "-p",           "0",
                             "--threads=2",  "--idle-timeout",
                             "0.5",          "--log-format",
                             "json",         "--log-level=debug",
                             "--partitions", "64",
                             "--replicas",   "1",
                             "--join",       "a:localhost:1,localhost:2",
                             "--advertise",  "[::1]:5",
                             "--max-memory", "512M"});
  REQUIRE_MESSAGE(parsed.options.has_value(), parsed.err);
  CHECK(parsed.options->name == "a");
  CHECK(parsed.options->host == "::1");
  CHECK(parsed.options->port == 0);
  CHECK(parsed.options->threads == 2);
  CHECK(parsed.options->idle_timeout == std::chrono::milliseconds(500));
  CHECK(parsed.options->log_format == LogFormat::json);
  CHECK(parsed.options->log_level == dht::LogLevel::debug);
  CHECK(parsed.options->partitions == 64u);
  CHECK(parsed.options->replicas == 1u);
  CHECK(parsed.options->max_memory_bytes == 512u * 1024 * 1024);
  CHECK(parsed.options->join == "a:localhost:1,localhost:2");
}

TEST_CASE("the command line comes before the environment, the environment before the file") {
  const File file("name = \"of-file\"\nport = 1\nmax-value-bytes = 10\n");
  const std::map<std::string, std::string> variables{{"DHTD_NAME", "of-environment"}, {"DHTD_PORT", "2"}};
  const auto parsed = parse({"--config", file.path(), "--name", "of-line"}, variables);
  REQUIRE_MESSAGE(parsed.options.has_value(), parsed.err);
  CHECK(parsed.options->name == "of-line");
  CHECK(parsed.options->port == 2);
  CHECK(parsed.options->max_value_bytes == 10);

  const auto by_variable = parse({}, {{"DHTD_CONFIG", file.path()}, {"DHTD_JOIN", ""}});
  REQUIRE_MESSAGE(by_variable.options.has_value(), by_variable.err);
  CHECK(by_variable.options->name == "of-file");
  CHECK(by_variable.options->port == 1);
}

TEST_CASE("every option can come from the environment") {
  const auto parsed = parse({}, {{"DHTD_HOST", "h"},
                                 {"DHTD_ADVERTISE", "x:1"},
                                 {"DHTD_JOIN", "y:2"},
                                 {"DHTD_PARTITIONS", "16"},
                                 {"DHTD_REPLICAS", "1"},
                                 {"DHTD_THREADS", "3"},
                                 {"DHTD_MAX_KEY_BYTES", "100"},
                                 {"DHTD_MAX_MEMORY", "2g"},
                                 {"DHTD_MAX_CONNECTIONS", "5"},
                                 {"DHTD_MAX_IN_FLIGHT", "6"},
                                 {"DHTD_HEADER_TIMEOUT", "1"},
                                 {"DHTD_STOP_TIMEOUT", "2"},
                                 {"DHTD_LOG_LEVEL", "error"},
                                 {"DHTD_LOG_FORMAT", "json"}});
  REQUIRE_MESSAGE(parsed.options.has_value(), parsed.err);
  CHECK(parsed.options->host == "h");
  CHECK(parsed.options->advertise == "x:1");
  CHECK(parsed.options->join == "y:2");
  CHECK(parsed.options->threads == 3);
  CHECK(parsed.options->max_key_bytes == 100);
  CHECK(parsed.options->max_memory_bytes == 2ull * 1024 * 1024 * 1024);
  CHECK(parsed.options->max_connections == 5);
  CHECK(parsed.options->max_in_flight == 6);
  CHECK(parsed.options->header_timeout == std::chrono::seconds(1));
  CHECK(parsed.options->stop_timeout == std::chrono::seconds(2));
  CHECK(parsed.options->log_level == dht::LogLevel::error);
}

TEST_CASE("bad usage is exit code 2 and a sentence on stderr") {
  const std::vector<std::vector<std::string>> cases{{"--port", "65536"},
                                                    {"--port", "x"},
                                                    {"--port"},
                                                    {"--partitions", "1000"},
                                                    {"--partitions", "0"},
                                                    {"--replicas", "0"},
                                                    {"--replicas", "8"},
                                                    {"--lease", "9"},
                                                    {"--lease", "60001"},
                                                    {"--lease", "-10"},
                                                    {"--lease", "1s"},
                                                    {"--lease", "0.5"},
                                                    {"--lease", "99999999999999999999"},
                                                    {"--lease", ""},
                                                    {"--advertise", "nowhere"},
                                                    {"--join", "nonsense"},
                                                    {"--join", "a:1,:::"},
                                                    {"--unknown"},
                                                    {"stray"},
                                                    {"--max-value-bytes", "0"},
                                                    {"--max-key-bytes", "65537"},
                                                    {"--max-memory", "half"},
                                                    {"--max-memory", "-1"},
                                                    {"--max-memory", ""},
                                                    {"--max-memory", "99999999999G"},
                                                    {"--log-level", "loud"},
                                                    {"--log-format", "xml"},
                                                    {"--name", ""},
                                                    {"--name", "a\nb"},
                                                    {"--idle-timeout", "-1"},
                                                    {"--config", "/nonexistent/file"}};
  for (const auto& arguments : cases) {
    CAPTURE(arguments.front());
    const auto parsed = parse(arguments);
    CHECK_FALSE(parsed.options.has_value());
    CHECK(parsed.exit_code == 2);
    CHECK(parsed.out.empty());
    CHECK(parsed.err.size() > 10);
  }
  CHECK(parse({}, {{"DHTD_PORT", "x"}}).exit_code == 2);
  const File file("no-such-option = 1\n");
  CHECK(parse({"--config", file.path()}).exit_code == 2);
}

TEST_CASE("help and version go to stdout with exit code 0") {
  const auto help = parse({"--help"});
  CHECK_FALSE(help.options.has_value());
  CHECK(help.exit_code == 0);
  CHECK(help.err.empty());
  for (const char* text : {"--name", "--join", "--max-value-bytes", "curl", "DHTD_", "Exit codes"}) {
    CAPTURE(text);
    CHECK(help.out.find(text) != std::string::npos);
  }
  const auto version = parse({"--version"});
  CHECK(version.exit_code == 0);
  CHECK(version.out.starts_with("dhtd "));
}

TEST_CASE("a value in the file is the rest of its line, and the last line of a name counts") {
  const File file(
      "# a comment\n; another\n\n  name=hello world of [all] #1  \njoin = a:1\n join = [::1]:1, b:2,c:3\r\n"
      "host = '::1'\nadvertise = \"x:1\"\nport=1");
  const auto read = parse({"--config", file.path()});
  REQUIRE_MESSAGE(read.options.has_value(), read.err);
  CHECK(read.options->name == "hello world of [all] #1");
  CHECK(read.options->join == "[::1]:1, b:2,c:3");
  CHECK(read.options->host == "::1");
  CHECK(read.options->advertise == "x:1");
  CHECK(read.options->port == 1);
}

TEST_CASE("a file with a line that sets nothing is bad usage, and the line is named") {
  const File file("port = 1\nname\n");
  const auto parsed = parse({"--config", file.path()});
  CHECK(parsed.exit_code == 2);
  CHECK(parsed.err.find("line 2") != std::string::npos);
}

TEST_CASE("a time-out is a number of seconds in its range") {
  for (const char* option : {"--idle-timeout", "--header-timeout", "--stop-timeout"}) {
    for (const char* value : {"nan", "NAN", "-nan", "inf", "-inf", "0", "-1", "1e9", "soon", ""}) {
      CAPTURE(option);
      CAPTURE(value);
      CHECK(parse({option, value}).exit_code == 2);
    }
    CHECK(parse({option, "0.001"}).options.has_value());
    CHECK(parse({option, "604800"}).options.has_value());
  }
}

TEST_CASE("a lease comes from the line, the environment or the file, and the help says when it is fixed") {
  CHECK(parse({"--lease", "10"}).options.value().lease_ms == 10u);
  CHECK(parse({"--lease=60000"}).options.value().lease_ms == 60000u);
  CHECK(parse({}, {{"DHTD_LEASE", "250"}}).options.value().lease_ms == 250u);
  const File file("lease = 500\n");
  CHECK(parse({"--config", file.path()}).options.value().lease_ms == 500u);
  const File bad("lease = 5\n");
  CHECK(parse({"--config", bad.path()}).err.find("'5' is not a number of milliseconds from 10 to 60000") !=
        std::string::npos);
  const auto help = parse({"--help"}).out;
  CHECK(help.find("--lease MS") != std::string::npos);
  CHECK(help.find("fixed at founding") != std::string::npos);
}

TEST_CASE("log lines stay one line, whatever they say") {
  const auto at = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'123));
  CHECK(format_log_line(LogFormat::text, dht::LogLevel::warning, at, "a\nb\x1b[0m") ==
        "2023-11-14T22:13:20.123Z warning a\\x0ab\\x1b[0m\n");
  CHECK(format_log_line(LogFormat::json, dht::LogLevel::info, at, "a\n\"b\"\xff") ==
        "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"message\":\"a\\n\\\"b\\\"\xef\xbf\xbd\"}\n");
}
