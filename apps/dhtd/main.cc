#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/resource.h>

#include "log.h"
#include "options.h"
#include "server.h"

namespace {

constexpr int kCannotStart = 1;

std::optional<std::string> environment(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// Connections are file descriptors: takes as many as the system allows this process.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // without it there are just fewer connections
}

int serve(const dhtd::Options& options) {
  const dhtd::Log log(options.log_format, options.log_level);
  int exit_code = kCannotStart;
  try {
    dhtd::Server server(options, log.sink());
    exit_code = server.run();
    // What could not be handed over is given up: nothing may keep the process any longer.
    if (exit_code != 0) std::_Exit(exit_code);
  } catch (const std::exception& error) {
    log.sink()(dht::LogLevel::error, std::string("cannot start: ") + error.what());
    return kCannotStart;
  }
  log.sink()(dht::LogLevel::info, "stopped");
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = dhtd::parse_options(std::vector<std::string>(argv + 1, argv + argc), environment);
  std::fputs(parsed.out.c_str(), stdout);
  std::fputs(parsed.err.c_str(), stderr);
  if (!parsed.options) return parsed.exit_code;
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return serve(*parsed.options);
}
