#include "support/process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/deadline.h"

namespace dht::integration {

namespace {

constexpr int kCannotRun = 127;

// Between fork and exec, so only calls that are safe there.
[[noreturn]] void become(char* const* arguments, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int input = open("/dev/null", O_RDONLY);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(kCannotRun);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const std::string& output_file) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const int output = open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) throw std::system_error(errno, std::generic_category(), output_file);
  pid_ = fork();
  if (pid_ == 0) become(pointers.data(), output);
  const int error = errno;
  close(output);
  if (pid_ < 0) throw std::system_error(error, std::generic_category(), "fork");
}

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}

Process& Process::operator=(Process&& other) noexcept {
  end();
  pid_ = std::exchange(other.pid_, -1);
  exit_code_ = other.exit_code_;
  return *this;
}

Process::~Process() { end(); }

void Process::end() {
  if (pid_ < 0 || exit_code_) return;
  kill(pid_, SIGKILL);
  reap(true);
}

bool Process::reap(bool block) {
  if (exit_code_) return true;
  int status = 0;
  pid_t ended = 0;
  do {
    ended = waitpid(pid_, &status, block ? 0 : WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended != pid_) return false;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

bool Process::running() { return !reap(false); }

void Process::signal(int number) {
  if (running()) kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
  eventually([&] { return reap(false); }, patience);
  return exit_code_;
}

void Process::limit_open_files(std::size_t count) {
  const rlimit limit{count, count};
  if (prlimit(pid_, RLIMIT_NOFILE, &limit, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "prlimit");
}

std::size_t Process::open_files() const {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd"))
    ++count;
  return count;
}

double Process::cpu_seconds() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string stat;
  std::getline(file, stat);
  // The name, in parentheses, may hold blanks; utime and stime are the 12th and 13th field after it.
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i)
    fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::size_t Process::peak_memory_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10) * 1024;
  return 0;
}

}  // namespace dht::integration
