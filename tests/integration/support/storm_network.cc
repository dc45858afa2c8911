#include "support/storm_network.h"

#include <charconv>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "support/process.h"

namespace dht::integration {
namespace {

constexpr std::string_view kNamespacePrefix = "dhtstorm-";
constexpr std::string_view kBridgePrefix = "dhtsb";
constexpr std::chrono::seconds kCommandPatience{10};
constexpr int kSubnets = 250;
constexpr const char* kNobody = "02:00:00:00:00:01";  // a hardware address that no link has

std::string find_ip() {
  for (const char* path : {"/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"})
    if (access(path, X_OK) == 0) return path;
  return {};
}

bool run(const std::vector<std::string>& command) { return Process(command, "/dev/null").wait(kCommandPatience) == 0; }

/// The process that such a name belongs to has ended.
bool is_left_over(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  int pid = 0;
  if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) return false;
  // One that has ended and is not waited for yet still has a number, but no program.
  std::error_code ignored;
  return std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), ignored).empty();
}

std::vector<std::string> left_over(const char* folder, std::string_view prefix) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (is_left_over(name, prefix)) names.push_back(name);
  }
  return names;
}

}  // namespace

StormNetwork::StormNetwork(std::size_t nodes)
    : nodes_(nodes),
      tag_(std::to_string(getpid())),
      bridge_(fmt::format("{}{}", kBridgePrefix, tag_)),
      // Of the range that is kept for measurements of networks (RFC 2544).
      subnet_(fmt::format("198.18.{}", getpid() % kSubnets)),
      ip_(find_ip()) {
  if (ip_.empty() || geteuid() != 0) return;
  for (const std::string& name : left_over("/run/netns", kNamespacePrefix))
    run({ip_, "netns", "del", name});
  for (const std::string& name : left_over("/sys/class/net", kBridgePrefix))
    run({ip_, "link", "del", name});
  is_up_ = build();
  if (!is_up_) take_down();
}

StormNetwork::~StormNetwork() {
  if (is_up_) take_down();
}

bool StormNetwork::build() {
  if (!run({ip_, "link", "add", bridge_, "type", "bridge"})) return false;
  if (!run({ip_, "addr", "add", subnet_ + ".254/24", "dev", bridge_})) return false;
  if (!run({ip_, "link", "set", bridge_, "up"})) return false;
  for (std::size_t node = 0; node < nodes_; ++node)
    if (!add_node(node)) return false;
  return true;
}

bool StormNetwork::add_node(std::size_t node) {
  const std::string inside = name_space(node);
  return run({ip_, "netns", "add", inside}) &&
         run({ip_, "link", "add", link(node), "type", "veth", "peer", "name", "eth0", "netns", inside}) &&
         run({ip_, "link", "set", link(node), "master", bridge_, "up"}) &&
         run({ip_, "-n", inside, "addr", "add", address(node) + "/24", "dev", "eth0"}) &&
         run({ip_, "-n", inside, "link", "set", "eth0", "up"}) && run({ip_, "-n", inside, "link", "set", "lo", "up"});
}

void StormNetwork::take_down() {
  for (std::size_t node = 0; node < nodes_; ++node) {
    run({ip_, "link", "del", link(node)});
    run({ip_, "netns", "del", name_space(node)});
  }
  run({ip_, "link", "del", bridge_});
  is_up_ = false;
}

std::string StormNetwork::name_space(std::size_t node) const {
  return fmt::format("{}{}-n{}", kNamespacePrefix, tag_, node);
}
std::string StormNetwork::link(std::size_t node) const { return fmt::format("dhtsv{}-{}", tag_, node); }

std::string StormNetwork::host(std::size_t node) const { return is_up_ ? address(node) : "127.0.0.1"; }
std::string StormNetwork::address(std::size_t node) const { return fmt::format("{}.{}", subnet_, node + 1); }

std::vector<std::string> StormNetwork::launcher(std::size_t node) const {
  if (!is_up_) return {};
  return {ip_, "netns", "exec", name_space(node)};
}

void StormNetwork::cut(std::size_t from, std::size_t to) {
  const std::vector<std::string> command{ip_,     "-n",  name_space(from), "neigh", "replace",  address(to), "lladdr",
                                         kNobody, "dev", "eth0",           "nud",   "permanent"};
  if (is_up_ && !run(command)) throw std::runtime_error(fmt::format("cannot cut the link from n{} to n{}", from, to));
}

void StormNetwork::mend(std::size_t from, std::size_t to) {
  if (is_up_ && !run({ip_, "-n", name_space(from), "neigh", "del", address(to), "dev", "eth0"}))
    throw std::runtime_error(fmt::format("cannot mend the link from n{} to n{}", from, to));
}

}  // namespace dht::integration
