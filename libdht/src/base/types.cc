#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

#include <dht/types.h>

namespace dht {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_host_character(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
}

/// A host name or an IPv4 address. Digits alone are refused: a resolver would take them for a 32-bit address, but what
/// was meant is a port in the wrong place or a piece of an IPv6 address without brackets.
bool is_host_name(std::string_view host) noexcept {
  if (host.empty() || host.size() > kMaxHostBytes || host.front() == '.') return false;
  if (host.find("..") != std::string_view::npos) return false;
  return std::all_of(host.begin(), host.end(), is_host_character) && !std::all_of(host.begin(), host.end(), is_digit);
}

/// An IPv6 address, with or without a zone ("fe80::1%eth0").
bool is_ipv6(std::string_view host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  const std::size_t percent = host.find('%');
  if (percent != std::string_view::npos) {
    const std::string_view zone = host.substr(percent + 1);
    if (zone.empty() || !std::all_of(zone.begin(), zone.end(), is_host_character)) return false;
  }
  // A zero byte would end the text early for inet_pton.
  const std::string address(host.substr(0, percent));
  in6_addr parsed{};
  return address.find('\0') == std::string::npos && ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint32_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  if (port < 1 || port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

/// An address at the end of a text, and what stands before it.
struct Trailing {
  std::string_view before;
  Address address;
};

std::optional<Trailing> parse_trailing_address(std::string_view text) {
  const std::size_t port_colon = text.rfind(':');
  if (port_colon == std::string_view::npos) return std::nullopt;
  const std::optional<std::uint16_t> port = parse_port(text.substr(port_colon + 1));
  if (!port) return std::nullopt;

  const std::string_view front = text.substr(0, port_colon);
  std::size_t host_begin = 0;
  std::string_view host;
  if (front.ends_with(']')) {
    host_begin = front.rfind('[');
    if (host_begin == std::string_view::npos) return std::nullopt;
    host = front.substr(host_begin + 1, front.size() - host_begin - 2);
    if (!is_ipv6(host)) return std::nullopt;
  } else {
    const std::size_t colon = front.rfind(':');
    host_begin = colon == std::string_view::npos ? 0 : colon + 1;
    host = front.substr(host_begin);
    if (!is_host_name(host)) return std::nullopt;
  }
  return Trailing{front.substr(0, host_begin), Address{std::string(host), *port}};
}

std::string_view without_blanks(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Fit for a sentence that names it, whatever bytes a stranger sent.
std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 80;
  std::string result(text.substr(0, kMost));
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  if (text.size() > kMost) result += "...";
  return result;
}

}  // namespace

std::string to_string(NodeId id) { return fmt::format("{:016x}", id.value); }

std::string to_string(ClusterId id) { return fmt::format("{:016x}", id.value); }

std::string to_string(const Address& address) {
  const bool is_bracketed = address.host.find(':') != std::string::npos;
  return is_bracketed ? fmt::format("[{}]:{}", address.host, address.port)
                      : fmt::format("{}:{}", address.host, address.port);
}

bool is_valid_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  const auto is_edge = [](char c) { return c == ' ' || c == ':'; };
  if (is_edge(name.front()) || is_edge(name.back())) return false;
  return std::none_of(name.begin(), name.end(), [](char c) { return is_control(c) || c == ','; });
}

std::optional<Address> parse_address(std::string_view text) {
  std::optional<Trailing> parsed = parse_trailing_address(text);
  if (!parsed || !parsed->before.empty()) return std::nullopt;
  return std::move(parsed->address);
}

std::optional<PeerName> parse_peer(std::string_view text) {
  std::optional<Trailing> parsed = parse_trailing_address(text);
  if (!parsed) return std::nullopt;
  std::string_view name = parsed->before;
  if (!name.empty()) {
    if (!name.ends_with(':')) return std::nullopt;
    name.remove_suffix(1);
    if (!is_valid_name(name)) return std::nullopt;
  }
  return PeerName{std::string(name), std::move(parsed->address)};
}

std::optional<std::vector<PeerName>> parse_peer_list(std::string_view text, std::string* bad_item) {
  std::vector<PeerName> peers;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",\n"), text.size());
    const std::string_view item = without_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    std::optional<PeerName> peer = parse_peer(item);
    if (!peer) {
      if (bad_item != nullptr) *bad_item = printable(item);
      return std::nullopt;
    }
    peers.push_back(std::move(*peer));
  }
  return peers;
}

}  // namespace dht
