// The small values that everything else is made of: identities, positions, addresses.
//
// Thread rule: plain values.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dht {

/// A random 64-bit identity; zero means "none". The tag keeps a node's id and a cluster's id apart.
template <typename Tag>
struct Id {
  std::uint64_t value = 0;

  explicit operator bool() const noexcept { return value != 0; }
  auto operator<=>(const Id&) const = default;
};

/// One incarnation of a node: a process that keeps nothing on disk is a new node at every start.
using NodeId = Id<struct NodeTag>;
/// One cluster, from its founding on. Nodes of different clusters refuse each other's frames.
using ClusterId = Id<struct ClusterTag>;

/// Sixteen lower-case hexadecimal digits.
std::string to_string(NodeId id);
std::string to_string(ClusterId id);

/// Index of a partition, 0 <= id < partitions of the cluster.
using PartitionId = std::uint32_t;
/// Number of a cluster map: grows by at least one with every change.
using Revision = std::uint64_t;
/// Number of a partition's configuration: grows whenever its primary or backups change.
using Epoch = std::uint64_t;
/// An entry's version: a hybrid logical clock, 48 bits of milliseconds since 1970 and 16 bits of counter, given by the
/// primary, strictly growing per partition. Zero is never given and means "no version".
using Version = std::uint64_t;

/// Where a node listens, as clients and peers name it: a host name or IP address (IPv6 without brackets) and a port.
struct Address {
  std::string host{};
  std::uint16_t port = 0;

  auto operator<=>(const Address&) const = default;
  bool empty() const noexcept { return host.empty() && port == 0; }
};

/// "host:port", with brackets around an IPv6 address.
std::string to_string(const Address& address);

/// The longest host name that DNS knows, and the longest default name: such a host, a colon and a port.
inline constexpr std::size_t kMaxHostBytes = 253;
inline constexpr std::size_t kMaxNameBytes = kMaxHostBytes + 6;

/// Whether a node may bear this name: not empty nor over `kMaxNameBytes`, no control character, no comma (it stands in
/// lists), no blank or colon at its ends.
bool is_valid_name(std::string_view name) noexcept;

/// Parses "host:port" or "[ipv6]:port". Empty where the text is neither: no host, a port outside 1..65535, stray text.
std::optional<Address> parse_address(std::string_view text);

/// A peer in a join list: `name` is empty where the list gave none.
struct PeerName {
  std::string name{};
  Address address{};

  auto operator<=>(const PeerName&) const = default;
};

/// Parses "name:host:port" or "host:port", from the right, since a default name is "host:port" and holds a colon
/// itself.
std::optional<PeerName> parse_peer(std::string_view text);

/// Parses a list of peers separated by commas, "\n" or "\r\n"; blanks around an item and empty items are passed over.
/// Where an item cannot be parsed the result is empty and `*bad_item` (if given) names it, shortened and printable.
std::optional<std::vector<PeerName>> parse_peer_list(std::string_view text, std::string* bad_item = nullptr);

}  // namespace dht

template <typename Tag>
struct std::hash<dht::Id<Tag>> {
  std::size_t operator()(dht::Id<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value); }
};
