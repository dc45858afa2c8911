// A watched socket on loopback. The loop runs in the test's own thread, until what the test waits for has happened.
#include "http/watched_socket.h"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <doctest/doctest.h>

namespace dhtd::http {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

/// A socket that is watched, its peer, and a count of what the handler was told.
struct Watched {
  Watched() {
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
    peer.connect(acceptor.local_endpoint());
    socket = std::make_unique<WatchedSocket>(loop, SocketHandle::accept(acceptor, error));
    REQUIRE_FALSE(error);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() { socket = nullptr; }

  void watch() {
    REQUIRE_FALSE(socket->watch([this, alive = handler_alive] { ++told; }));
  }
  void send(std::string_view bytes) { asio::write(peer, asio::buffer(bytes)); }
  /// Reads until there is nothing.
  std::string read_all() {
    std::string all;
    std::array<char, 1000> buffer;
    for (;;) {
      const std::size_t count = socket->read_some(buffer, error);
      if (error) return all;
      all.append(buffer.data(), count);
    }
  }
  template <typename Done>
  bool run_until(Done done) {
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      loop.run_one_for(20ms);
    }
    return true;
  }
  void run_what_is_there() {
    loop.restart();
    loop.poll();
  }

  asio::io_context loop;
  tcp::socket peer{loop};
  std::unique_ptr<WatchedSocket> socket;
  std::shared_ptr<int> handler_alive = std::make_shared<int>();
  std::error_code error;
  int told = 0;
};

bool is_dropped(const Watched& watched) { return watched.handler_alive.use_count() == 1; }

TEST_CASE("a watched socket tells of everything that comes, without being asked again") {
  Watched watched;
  watched.watch();
  for (int round = 1; round <= 3; ++round) {
    watched.send("hello");
    REQUIRE(watched.run_until([&] { return watched.told == round; }));
    CHECK(watched.read_all() == "hello");
    CHECK(watched.error == asio::error::would_block);
  }
}

TEST_CASE("a watched socket tells of what came before it was watched, and not twice of the same") {
  Watched watched;
  watched.send("early");
  watched.watch();
  REQUIRE(watched.run_until([&] { return watched.told == 1; }));
  watched.run_what_is_there();
  CHECK(watched.told == 1);
  CHECK(watched.read_all() == "early");
}

TEST_CASE("a watched socket tells of the end, and its reader learns which end it is") {
  Watched watched;
  watched.watch();
  SUBCASE("the peer sends no more") {
    watched.peer.shutdown(tcp::socket::shutdown_send);
    REQUIRE(watched.run_until([&] { return watched.told > 0; }));
    CHECK(watched.read_all().empty());
    CHECK(watched.error == asio::error::eof);
  }
  SUBCASE("the peer resets the connection") {
    watched.peer.set_option(asio::socket_base::linger(true, 0));
    watched.peer.close();
    REQUIRE(watched.run_until([&] { return watched.told > 0; }));
    CHECK(watched.read_all().empty());
    CHECK(watched.error == asio::error::connection_reset);
  }
}

TEST_CASE("a write that found no room is told when there is some, once") {
  Watched watched;
  watched.watch();
  const std::string bytes(100'000, 'x');
  for (int round = 1; round <= 2; ++round) {
    std::size_t written = 0;
    do {
      written += watched.socket->write_some(bytes, watched.error);
    } while (!watched.error);
    REQUIRE(watched.error == asio::error::would_block);
    int has_room = 0;
    watched.socket->wait_writable([&] { ++has_room; });
    watched.run_what_is_there();
    CHECK(has_room == 0);
    std::string taken(written, ' ');
    asio::read(watched.peer, asio::buffer(taken));
    REQUIRE(watched.run_until([&] { return has_room == 1; }));
    watched.run_what_is_there();
    CHECK(has_room == 1);
  }
}

TEST_CASE("a closed socket tells nothing, and drops its handler") {
  Watched watched;
  watched.watch();
  watched.send("too late");
  SUBCASE("while the loop runs on") {
    watched.socket->close();
    watched.run_what_is_there();
    CHECK(is_dropped(watched));
  }
  SUBCASE("by its own handler") {
    Watched other;
    REQUIRE_FALSE(other.socket->watch([&, alive = other.handler_alive] {
      ++other.told;
      other.socket->close();
      CHECK_FALSE(is_dropped(other));  // what runs is not destroyed under itself
    }));
    other.send("last");
    REQUIRE(other.run_until([&] { return other.told == 1; }));
    other.run_what_is_there();
    CHECK(other.told == 1);
    CHECK(is_dropped(other));
  }
  SUBCASE("while a write waits for room") {
    const std::string bytes(100'000, 'x');
    do {
      watched.socket->write_some(bytes, watched.error);
    } while (!watched.error);
    watched.socket->wait_writable([&, alive = watched.handler_alive] { ++watched.told; });
    watched.socket->close();
    watched.run_what_is_there();
    CHECK(is_dropped(watched));
  }
  CHECK(watched.told == 0);
}

TEST_CASE("the handler of a closed socket is dropped where the loop never runs again") {
  const auto alive = std::make_shared<int>();
  {
    Watched watched;
    REQUIRE_FALSE(watched.socket->watch([alive] {}));
    watched.socket->close();
  }
  CHECK(alive.use_count() == 1);
}

TEST_CASE("a released socket is an ordinary one, with what has not been read") {
  Watched watched;
  watched.watch();
  watched.send("for the next owner");
  tcp::socket released = watched.socket->release();
  std::string taken(18, ' ');
  asio::read(released, asio::buffer(taken));
  CHECK(taken == "for the next owner");
  watched.run_what_is_there();
  CHECK(watched.told == 0);
  CHECK(is_dropped(watched));
}

TEST_CASE("a watched socket knows its peer while there is one") {
  Watched watched;
  CHECK(watched.socket->remote_address() == "127.0.0.1");
  watched.socket->close();
  CHECK(watched.socket->remote_address().empty());
}

}  // namespace
}  // namespace dhtd::http
