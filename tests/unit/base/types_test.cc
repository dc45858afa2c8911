#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <dht/types.h>

namespace dht {

namespace {

PeerName peer(std::string name, std::string host, std::uint16_t port) {
  return {std::move(name), {std::move(host), port}};
}

}  // namespace

TEST_CASE("an id prints as sixteen lower-case hexadecimal digits") {
  CHECK(to_string(NodeId{}) == "0000000000000000");
  CHECK(to_string(NodeId{0xABC}) == "0000000000000abc");
  CHECK(to_string(ClusterId{0xfedcba9876543210}) == "fedcba9876543210");
}

TEST_CASE("an id is false where it is none, ordered, and a key of hash containers") {
  CHECK_FALSE(NodeId{});
  CHECK(NodeId{1});
  CHECK(NodeId{1} < NodeId{2});
  const std::unordered_set<NodeId> ids{{1}, {2}, {1}};
  CHECK(ids.size() == 2);
}

TEST_CASE("an address prints with brackets around IPv6 and is read back as it was") {
  const std::vector<std::pair<Address, std::string>> cases{
      {{"localhost", 9876}, "localhost:9876"},
      {{"10.0.0.1", 1}, "10.0.0.1:1"},
      {{"node-1.example.org.", 65535}, "node-1.example.org.:65535"},
      {{"under_score", 80}, "under_score:80"},
      {{"::1", 9876}, "[::1]:9876"},
      {{"::", 80}, "[::]:80"},
      {{"2001:db8::7", 80}, "[2001:db8::7]:80"},
      {{"fe80::1%eth0", 80}, "[fe80::1%eth0]:80"},
      {{"::ffff:10.0.0.1", 80}, "[::ffff:10.0.0.1]:80"},
  };
  for (const auto& [address, text] : cases) {
    CHECK(to_string(address) == text);
    CHECK(parse_address(text) == address);
  }
}

TEST_CASE("what is no address is refused") {
  using namespace std::string_view_literals;
  const std::vector<std::string_view> cases{"",
                                            ":",
                                            "::",
                                            "localhost",
                                            "localhost:",
                                            ":80",
                                            "localhost:0",
                                            "localhost:65536",
                                            "localhost:99999",
                                            "localhost:4294967376",
                                            "localhost:-1",
                                            "localhost:+80",
                                            "localhost:8o",
                                            "localhost:80 ",
                                            " localhost:80",
                                            "local host:80",
                                            "localhost :80",
                                            "localhost: 80",
                                            "localhost:80\n",
                                            "local\thost:80",
                                            "local\x01host:80",
                                            "localhost\0:80"sv,
                                            "localhost:80\0"sv,
                                            "host:80:90",
                                            "name:host:80",
                                            ".:80",
                                            ".host:80",
                                            "a..b:80",
                                            "8080:80",
                                            "http://localhost:80",
                                            "localhost:80/",
                                            "user@host:80",
                                            "k\xc3\xb6ln:80",
                                            "::1:80",
                                            "[::1]",
                                            "[::1]:",
                                            "[::1]:0",
                                            "[::1]:65536",
                                            "[::1:80",
                                            "::1]:80",
                                            "[]:80",
                                            "[localhost]:80",
                                            "[10.0.0.1]:80",
                                            "[::1]x:80",
                                            "x[::1]:80",
                                            "[[::1]]:80",
                                            "[::1%]:80",
                                            "[::1% ]:80",
                                            "[::g]:80",
                                            "[::1\0]:80"sv,
                                            "[1:2:3:4:5:6:7:8:9]:80"};
  for (const std::string_view text : cases) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text).has_value());
  }
}

TEST_CASE("a host of the longest length is taken and a longer one is not") {
  CHECK(parse_address(std::string(kMaxHostBytes, 'a') + ":80"));
  CHECK_FALSE(parse_address(std::string(kMaxHostBytes + 1, 'a') + ":80"));
  CHECK_FALSE(parse_address(std::string(10'000'000, 'a') + ":80"));
  CHECK_FALSE(parse_address("[" + std::string(10'000'000, ':') + "]:80"));
  CHECK_FALSE(parse_address("localhost:" + std::string(10'000'000, '0') + "80"));
}

TEST_CASE("a peer is read from the right, since a default name holds a colon itself") {
  const std::vector<std::pair<std::string_view, PeerName>> cases{
      {"localhost:9876", peer("", "localhost", 9876)},
      {"n1:localhost:9876", peer("n1", "localhost", 9876)},
      {"localhost:9876:localhost:9876", peer("localhost:9876", "localhost", 9876)},
      {"localhost:9876:10.0.0.1:80", peer("localhost:9876", "10.0.0.1", 80)},
      {"[::1]:9876", peer("", "::1", 9876)},
      {"n1:[::1]:9876", peer("n1", "::1", 9876)},
      {"[::1]:9876:[::1]:9876", peer("[::1]:9876", "::1", 9876)},
      {"[::1]:9876:localhost:9876", peer("[::1]:9876", "localhost", 9876)},
      {"rack 3:host:80", peer("rack 3", "host", 80)},
      {"k\xc3\xb6ln:host:80", peer("k\xc3\xb6ln", "host", 80)},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.first);
    CHECK(parse_peer(expected.first) == expected.second);
  }
}

TEST_CASE("what is no peer is refused") {
  using namespace std::string_view_literals;
  const std::vector<std::string_view> cases{
      "", " ", "nonsense", "n1:localhost", "n1:localhost:", "n1:localhost:0", "n1:localhost:65536", ":localhost:80",
      "n1::80", "n1:[::1]", "n1[::1]:80", ":[::1]:80", "n1:localhost:80 ", " n1:localhost:80", "n\x01:localhost:80",
      "n\0:localhost:80"sv, "n\x7f:localhost:80", "n1,n2:localhost:80",
      // IPv6 without brackets, and a port said twice.
      "::1:9876", "fe80::1:9876", "2001:db8:1:2:3:4:5:6:9876", "localhost:9876:9876"};
  for (const std::string_view text : cases) {
    CAPTURE(text);
    CHECK_FALSE(parse_peer(text).has_value());
  }
  CHECK(parse_peer(std::string(kMaxNameBytes, 'n') + ":localhost:80"));
  CHECK_FALSE(parse_peer(std::string(kMaxNameBytes + 1, 'n') + ":localhost:80"));
}

TEST_CASE("every valid name before an address is read back as that name") {
  for (const std::string name : {"n", "a:b", "localhost:9876", "[::1]:1", "a b", "\"quoted\"", "\xe2\x98\x83", "1"}) {
    CAPTURE(name);
    REQUIRE(is_valid_name(name));
    CHECK(parse_peer(name + ":host:80") == peer(name, "host", 80));
    CHECK(parse_peer(name + ":[::1]:80") == peer(name, "::1", 80));
  }
}

TEST_CASE("a name that is empty, too long, or would break a list is not valid") {
  for (const std::string name : {"", " ", ":", " a", "a ", ":a", "a:", "a,b", "a\nb", "a\rb", "a\tb", "a\x7f"}) {
    CAPTURE(name);
    CHECK_FALSE(is_valid_name(name));
  }
  CHECK_FALSE(is_valid_name(std::string("a\0b", 3)));
  CHECK(is_valid_name(std::string(kMaxNameBytes, 'a')));
  CHECK_FALSE(is_valid_name(std::string(kMaxNameBytes + 1, 'a')));
}

TEST_CASE("a list is separated by commas and line ends, with blanks and empty items passed over") {
  const std::vector<PeerName> expected{peer("", "a", 1), peer("n", "b", 2), peer("", "::1", 3)};
  for (const std::string_view text : {"a:1,n:b:2,[::1]:3", "a:1\nn:b:2\n[::1]:3\n", "a:1\r\nn:b:2\r\n[::1]:3\r\n",
                                      " a:1 ,\t n:b:2,, \r\n,[::1]:3\n\n", ",,,a:1\r\n\r\nn:b:2,[::1]:3,"}) {
    CAPTURE(text);
    std::string bad_item = "untouched";
    CHECK(parse_peer_list(text, &bad_item) == expected);
    CHECK(bad_item == "untouched");
  }
}

TEST_CASE("a list of nothing is an empty list") {
  for (const std::string_view text : {"", ",", "\r\n", " , ,\n\t"}) {
    const auto peers = parse_peer_list(text);
    REQUIRE(peers.has_value());
    CHECK(peers->empty());
  }
}

TEST_CASE("a bad item refuses the whole list and is named, short and printable") {
  std::string bad_item;
  CHECK_FALSE(parse_peer_list("a:1, what is this ,b:2", &bad_item));
  CHECK(bad_item == "what is this");
  CHECK_FALSE(parse_peer_list("a:1\r\nb\rc:2\r\n", &bad_item));
  CHECK(bad_item == "b?c:2");
  CHECK_FALSE(parse_peer_list("\x1b[31m\xff", &bad_item));
  CHECK(bad_item == "?[31m?");
  CHECK_FALSE(parse_peer_list(std::string(1'000'000, 'x'), &bad_item));
  CHECK(bad_item.size() < 100);
  CHECK_FALSE(parse_peer_list("nonsense"));
}

TEST_CASE("random text is refused or read as what prints the same") {
  std::mt19937_64 random(7);
  constexpr std::array<std::string_view, 9> kPieces{"localhost", "n1", ":", ":", ":", "[::1]", "80", "0", " "};
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (std::size_t length = 2 + random() % 6; length > 0; --length)
      text += kPieces[random() % kPieces.size()];
    const auto address = parse_address(text);
    if (address) {
      ++accepted;
      CHECK(parse_address(to_string(*address)) == address);
    }
    const auto parsed = parse_peer(text);
    if (parsed)
      CHECK(parse_peer(parsed->name + (parsed->name.empty() ? "" : ":") + to_string(parsed->address)) == parsed);
  }
  CHECK(accepted > 100);
}

}  // namespace dht
