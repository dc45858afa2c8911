// What arrives on a peer connection and is no sound frame: the connection ends,
// and nothing else does.
//
// The bytes are those that two real nodes exchange, recorded by proxies that
// stand between them, and then sent again changed, cut or unchanged. So no test
// here knows the wire format.
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "support/fake_peers.h"
#include "support/print.h"
#include "support/test_node.h"

namespace dht::integration {
namespace {

// Two joined nodes that reach each other through proxies only.
struct RecordedPair {
  RecordingProxy to_first, to_second;
  TestNode first, second;

  RecordedPair()
      : first({.name = "first", .arguments = {"--advertise", to_string(to_first.endpoint())}}),
        second({.name = "second", .arguments = {"--advertise", to_string(to_second.endpoint())}}) {
    to_first.set_target(first.endpoint());
    to_second.set_target(second.endpoint());
    const Response joined = second.http().post("/dht/join", to_string(to_first.endpoint()));
    if (joined.status != 200) throw std::runtime_error(joined.body);
  }

  void check_serving(const Entries& entries) {
    CHECK(difference(first, entries) == "");
    CHECK(difference(second, entries) == "");
    second.put("probe", "through second");
    CHECK(first.get("probe") == "through second");
    CHECK(first.peers() == std::vector<std::string>{"first", "second"});
  }
};

// Sends the bytes on a connection of their own and leaves it, once the node has
// closed it or taken all of them.
void send_alone(const TestNode& node, std::string_view bytes) {
  try {
    Socket socket = Socket::connect(node.endpoint(), 300ms);
    socket.send(bytes);
    while (!socket.receive().empty())
      continue;
  } catch (const std::system_error&) {
    // Closed, or nothing more came in time; both are fine, as the checks
    // afterwards say.
  }
}

// Where the request for the upgrade ends and frames begin.
std::size_t frames_begin(const std::string& record) {
  const std::size_t end = record.find("\r\n\r\n");
  return end == std::string::npos ? record.size() : end + 4;
}

TEST_CASE("peers speak through the address that they advertise") {
  RecordedPair pair;
  Entries entries = make_entries("key", 100);
  put_all(pair.second, entries);
  pair.check_serving(entries);
  REQUIRE(!pair.to_first.recorded().empty());
  CHECK(pair.to_first.recorded()[0].starts_with("GET /dht/peer HTTP/1.1\r\n"));
  CHECK(!pair.to_second.recorded().empty());
}

TEST_CASE("garbage after the request for an upgrade ends that connection only") {
  RecordedPair pair;
  const Entries entries = make_entries("key", 100);
  put_all(pair.first, entries);
  std::mt19937_64 random(3);
  for (const std::string& record : pair.to_first.recorded()) {
    const std::string upgrade = record.substr(0, frames_begin(record));
    std::string noise(5000, '\0');
    for (char& byte : noise)
      byte = static_cast<char>(random());
    send_alone(pair.first, upgrade + noise);
    send_alone(pair.first, upgrade + std::string(5000, '\0'));
    send_alone(pair.first, upgrade + std::string(5000, '\xff'));
  }
  pair.check_serving(entries);
}

TEST_CASE("recorded frames with a byte changed, or cut anywhere, do no harm") {
  RecordedPair pair;
  const Entries entries = make_entries("key", 100);
  put_all(pair.second, entries);
  std::mt19937_64 random(4);
  for (const std::string& record : pair.to_first.recorded()) {
    const std::size_t begin = frames_begin(record);
    if (begin == record.size()) continue;
    for (int i = 0; i < 6; ++i) {
      std::string changed = record;
      changed[begin + random() % (record.size() - begin)] ^= static_cast<char>(1 + random() % 255);
      send_alone(pair.first, changed);
      send_alone(pair.first, std::string_view(record).substr(0, begin + random() % (record.size() - begin)));
    }
  }
  pair.check_serving(entries);
}

TEST_CASE("recorded frames sent again change nothing") {
  RecordedPair pair;
  Entries entries = make_entries("key", 100);
  put_all(pair.second, entries);
  const std::vector<std::string> to_first = pair.to_first.recorded();
  const std::vector<std::string> to_second = pair.to_second.recorded();
  int count = 0;
  for (auto entry = entries.begin(); entry != entries.end();)
    if (++count % 2 == 0) {
      pair.first.put(entry->first, entry->second = "newer");
      ++entry;
    } else {
      pair.first.erase(entry->first);
      entry = entries.erase(entry);
    }
  for (const std::string& record : to_first)
    send_alone(pair.first, record);
  for (const std::string& record : to_second)
    send_alone(pair.second, record);
  for (const std::string& record : to_first)
    send_alone(pair.second, record);
  pair.check_serving(entries);
  entries["probe"] = "through second";
  CHECK(pair.first.keys().size() + pair.second.keys().size() == entries.size());
}

TEST_CASE("a peer of another version is refused in words") {
  TestNode node({.name = "a"});
  HttpClient client = node.new_client();
  client.send_raw("GET /dht/peer HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: dht/999\r\n\r\n");
  CHECK(client.read_response().status == 426);
  CHECK(node.http().get("/").status == 200);
}

}  // namespace
}  // namespace dht::integration
