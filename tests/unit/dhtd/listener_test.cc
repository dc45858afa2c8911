// The listener on real sockets over loopback. The loop runs in the test's own thread, until what the test waits for has
// happened; no sleeps.
#include "http/listener.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include "handlers/router.h"
#include "http/bind.h"
#include "support/held_table.h"
#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;
using namespace std::chrono_literals;
using asio::ip::tcp;

namespace {

constexpr auto kLongEnough = 10s;

/// A router over `Table`, behind a listener on a free port of 127.0.0.1.
template <typename Table>
struct Served {
  explicit Served(http::ServeOptions options = {}) {
    auto bound = http::bind_all("127.0.0.1", 0, {&loop});
    port = bound.port;
    limits = options.limits;
    options.log = [this](dht::LogLevel, std::string_view line) { lines.emplace_back(line); };
    listener = std::make_unique<http::Listener>(
        std::vector<asio::io_context*>{&loop}, std::move(bound), options, router,
        [this](tcp::socket socket, std::string_view leftover) { adopted.emplace_back(std::move(socket), leftover); });
    listener->start();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  /// Runs the loop until `done`; false where it takes too long.
  template <typename Done>
  bool run_until(Done done) {
    const auto limit = std::chrono::steady_clock::now() + kLongEnough;
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      loop.run_one_for(20ms);
    }
    return true;
  }

  asio::io_context loop;
  std::unique_ptr<http::Listener> listener;  // outlives the table, which may still answer
  std::uint16_t port = 0;
  http::Limits limits;
  SharedServiceState state{ServiceState::serving};
  Table table;
  FakeAdmin admin;
  Router router{table, admin, limits, state};
  std::vector<std::string> lines;
  std::vector<std::pair<tcp::socket, std::string>> adopted;
};

/// A client on the same loop.
template <typename Server>
class Client {
 public:
  explicit Client(Server& server) : server_(server), socket_(server.loop) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), server.port});
    socket_.non_blocking(true);
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      std::error_code error;
      const auto sent = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error);
      bytes.remove_prefix(sent);
      if (error == asio::error::would_block) {
        server_.loop.run_one_for(5ms);
      } else if (error) {
        return;
      }
    }
  }
  /// Takes what has come.
  void poll() {
    char buffer[16384];
    for (;;) {
      std::error_code error;
      const auto bytes = socket_.read_some(asio::buffer(buffer), error);
      if (error == asio::error::would_block) return;
      if (error) {
        ended = true;
        clean = error == asio::error::eof;
        return;
      }
      received.append(buffer, bytes);
    }
  }
  bool receives(std::string_view text) {
    return server_.run_until([&] {
      poll();
      return received.find(text) != std::string::npos || ended;
    }) && received.find(text) != std::string::npos;
  }
  bool is_closed() {
    return server_.run_until([&] {
      poll();
      return ended;
    });
  }
  tcp::socket& socket() { return socket_; }

  std::string received;
  bool ended = false;
  bool clean = false;  ///< it ended with an end, not with a reset

 private:
  Server& server_;
  tcp::socket socket_;
};

using Server = Served<dht::testing::FakeTable>;
using HeldServer = Served<HeldTable>;

}  // namespace

TEST_CASE("a client puts and gets over a socket") {
  Server server;
  Client client(server);
  client.send("PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /db/k HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.receives("Content-Length: 5\r\n\r\nhello"));
  CHECK_FALSE(client.ended);
}

TEST_CASE("large values and deep pipelines get through, both ways") {
  Server server;
  Client client(server);
  const std::string value(1024 * 1024, 'v');
  client.send("PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(value.size()) + "\r\n\r\n" + value);
  REQUIRE(client.receives("\r\n\r\n"));
  client.received.clear();
  std::string requests;
  for (int i = 0; i < 20; ++i)
    requests += "GET /db/k HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests + "GET /db/k HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(client.is_closed());
  CHECK(client.clean);
  CHECK(client.received.size() > 21 * value.size());
  CHECK(client.received.size() < 21 * (value.size() + 300));
}

TEST_CASE("after an error the client gets the answer and an end, even with input unread") {
  http::ServeOptions options;
  options.limits.max_value_bytes = 1000;
  Server server(options);
  Client client(server);
  client.send("PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + std::string(500'000, 'x'));
  REQUIRE(client.receives("HTTP/1.1 413"));
  CHECK(client.is_closed());
  CHECK(client.clean);
}

TEST_CASE("a request cut off by the client gets an error, and the others go on") {
  Server server;
  Client broken(server);
  Client other(server);
  broken.send("PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nshort");
  broken.socket().shutdown(tcp::socket::shutdown_send);
  CHECK(broken.receives("HTTP/1.1 400"));
  CHECK(broken.is_closed());
  other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(other.receives("HTTP/1.1 200"));
}

TEST_CASE("a client that closes its side right behind a request is answered, and its connection ends") {
  http::ServeOptions options;
  options.timeouts.linger = 40ms;  // so that connections are looked at every 10 ms
  Server server(options);
  Client client(server);
  int earlier = 0;
  SUBCASE("its first one") { earlier = 0; }
  SUBCASE("after many") { earlier = 100; }
  for (int request = 0; request < earlier; ++request) {
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(client.receives("HTTP/1.1 200"));
    client.received.clear();
  }
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.socket().shutdown(tcp::socket::shutdown_send);
  CHECK(client.receives("HTTP/1.1 200"));
  CHECK(client.is_closed());
  CHECK(client.clean);
}

TEST_CASE("answers given on other threads come home in order") {
  HeldServer server;
  Client client(server);
  client.send(
      "GET /db/a HTTP/1.1\r\nHost: a\r\n\r\nGET /db/b HTTP/1.1\r\nHost: a\r\n\r\nGET /db/c HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  REQUIRE(server.run_until([&] { return server.table.gets.size() == 3; }));
  std::thread([&] {
    for (const std::size_t index : {2u, 0u, 1u})
      server.table.answer(index, "<" + server.table.gets[index].key + ">");
  }).join();
  CHECK(client.receives("<c>"));
  CHECK(client.received.find("<a>") < client.received.find("<b>"));
  CHECK(client.received.find("<b>") < client.received.find("<c>"));
}

TEST_CASE("a client that hangs up before its answer harms nobody") {
  HeldServer server;
  {
    Client gone(server);
    gone.send("GET /db/a HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(server.run_until([&] { return server.table.gets.size() == 1; }));
    gone.socket().set_option(asio::socket_base::linger(true, 0));
    gone.socket().close();  // a reset: it did not merely close its sending side
  }
  REQUIRE(server.run_until([&] { return server.listener->connections() == 0; }));
  server.table.answer(0, "late");
  Client other(server);
  other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(other.receives("HTTP/1.1 200"));
}

TEST_CASE("a peer's connection is handed over with the bytes that follow its request") {
  Server server;
  Client peer(server);
  peer.send("GET /dht/peer HTTP/1.1\r\nHost: dht\r\nConnection: Upgrade\r\nUpgrade: dht/1\r\n\r\nframe");
  REQUIRE(server.run_until([&] { return !server.adopted.empty(); }));
  auto& [socket, leftover] = server.adopted.front();
  tcp::no_delay sends_at_once;  // as answers do, which often are written in small pieces
  socket.get_option(sends_at_once);
  CHECK(sends_at_once.value());
  while (leftover.size() < 5) {
    char buffer[5];
    leftover.append(buffer, socket.read_some(asio::buffer(buffer)));
  }
  CHECK(leftover == "frame");
  CHECK(server.listener->connections() == 0);
  asio::write(socket, asio::buffer("hello peer", 10));
  CHECK(peer.receives("hello peer"));
  CHECK(peer.received == "hello peer");
}

TEST_CASE("slow and silent clients are closed, each in its own time") {
  http::ServeOptions options;
  options.timeouts.header = 40ms;
  options.timeouts.idle = 80ms;
  options.timeouts.linger = 40ms;
  Server server(options);
  Client slow(server);
  Client silent(server);
  Client stuck(server);
  slow.send("GET / HT");
  stuck.send("PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(slow.receives("HTTP/1.1 408"));
  CHECK(stuck.receives("HTTP/1.1 408"));
  CHECK(silent.is_closed());
  CHECK(silent.received.empty());
  CHECK(server.run_until([&] { return server.listener->connections() == 0; }));
}

TEST_CASE("a client that reads nothing is given up; its answers are bounded") {
  http::ServeOptions options;
  options.timeouts.header = options.timeouts.idle = options.timeouts.linger = 80ms;
  Server server(options);
  server.table.put("k", std::string(1024 * 1024, 'v'));
  Client client(server);
  std::string requests;
  for (int i = 0; i < 100; ++i)
    requests += "GET /db/k HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(requests);
  REQUIRE(server.run_until([&] { return server.listener->connections() == 1; }));
  CHECK(server.run_until([&] { return server.listener->connections() == 0; }));
}

TEST_CASE("connections over the limit are told so, and the log says it once") {
  http::ServeOptions options;
  options.max_connections = 1;
  Server server(options);
  Client first(server);
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(first.receives("HTTP/1.1 200"));
  for (int i = 0; i < 3; ++i) {
    Client turned_away(server);
    CHECK(turned_away.receives("HTTP/1.1 503"));
    CHECK(turned_away.is_closed());
  }
  CHECK(server.lines.size() == 1);
  first.received.clear();
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(first.receives("HTTP/1.1 200"));
}

TEST_CASE("bytes that come while older ones wait for an answer are taken after them, whatever the loop does first") {
  http::ServeOptions options;
  options.limits.max_in_flight = 1;
  // The answer that lets the older ones go on is given so many of the loop's turns after the newer ones were sent. One
  // of these is between the news that the socket is readable and the round that reads it.
  for (int turns = 0; turns < 6; ++turns) {
    HeldServer server(options);
    Client client(server);
    const auto get = [](std::string_view key) { return fmt::format("GET /db/{} HTTP/1.1\r\nHost: a\r\n\r\n", key); };
    client.send(get("first") + get("second"));
    REQUIRE(server.run_until([&] { return server.table.gets.size() == 1; }));
    server.loop.poll();
    client.send(get("third"));
    bool is_answered = false;
    std::function<void(int)> answer_after = [&](int left) {
      if (left > 0) return asio::post(server.loop, [&, left] { answer_after(left - 1); });
      server.table.answer(0, "1");
      is_answered = true;
    };
    asio::post(server.loop, [&] { answer_after(turns); });
    REQUIRE(server.run_until([&] { return is_answered && server.table.gets.size() == 2; }));
    CHECK(server.table.gets[1].key == "second");
    server.table.answer(1, "2");
    REQUIRE(server.run_until([&] { return server.table.gets.size() == 3; }));
    CHECK(server.table.gets[2].key == "third");
  }
}

TEST_CASE("malformed requests get their answers, and the log says once that they come, why and from where") {
  Server server;
  for (int i = 0; i < 3; ++i) {
    Client client(server);
    client.send("GET / HTTP/1.1\r\nno colon\r\n\r\n");
    CHECK(client.receives("HTTP/1.1 400"));
    CHECK(client.is_closed());
  }
  REQUIRE(server.lines.size() == 1);
  CHECK(contains(server.lines[0], "127.0.0.1: A header field is malformed."));
}

TEST_CASE("finishing answers what is under way and closes everything") {
  HeldServer server;
  Client idle(server);
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(idle.receives("HTTP/1.1 200"));
  Client waiting(server);
  waiting.send("GET /db/a HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(server.run_until([&] { return server.table.gets.size() == 1 && server.listener->connections() == 2; }));
  server.listener->finish();
  CHECK(idle.is_closed());
  CHECK(idle.clean);
  CHECK_FALSE(waiting.ended);
  CHECK_FALSE(server.listener->has_finished());
  server.table.answer(0, "value");
  CHECK(waiting.receives("value"));
  CHECK(waiting.is_closed());
  CHECK(server.run_until([&] { return server.listener->has_finished(); }));
  tcp::socket late(server.loop);
  std::error_code error;
  late.connect({asio::ip::make_address("127.0.0.1"), server.port}, error);
  CHECK(error == asio::error::connection_refused);
}

TEST_CASE("finishing closes a busy connection with an answer that says so") {
  Server server;
  Client client(server);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(client.receives("HTTP/1.1 200"));
  CHECK_FALSE(contains(client.received, "Connection: close"));
  server.listener->finish();
  server.loop.poll();
  CHECK_FALSE(client.ended);
  client.received.clear();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client.receives("HTTP/1.1 200"));
  CHECK(contains(client.received, "Connection: close"));
  CHECK(client.is_closed());
  CHECK(client.clean);
}

TEST_CASE("clients whose connections the listener has not accepted when it finishes are served") {
  Server server;
  std::vector<std::unique_ptr<Client<Server>>> clients;
  for (int i = 0; i < 200; ++i)
    clients.push_back(std::make_unique<Client<Server>>(server));
  server.listener->finish();
  server.loop.poll_one();  // the listener's start
  server.loop.poll_one();  // and its end
  for (const auto& client : clients)
    client->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const auto& client : clients) {
    CHECK(client->receives("HTTP/1.1 200"));
    CHECK(client->is_closed());
    CHECK(client->clean);
  }
  CHECK(server.run_until([&] { return server.listener->has_finished(); }));
}

TEST_CASE("a client that connects while the listener finishes is served or refused, never cut off") {
  Server server;
  std::atomic<int> served{0};
  std::atomic<int> refused{0};
  std::atomic<int> cut_off{0};
  constexpr int kClients = 4;
  const auto ask_until_refused = [&] {
    asio::io_context own_loop;
    for (;;) {
      tcp::socket socket(own_loop);
      std::error_code error;
      socket.connect({asio::ip::make_address("127.0.0.1"), server.port}, error);
      if (error) break;
      constexpr std::string_view kRequest = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";
      asio::write(socket, asio::buffer(kRequest), error);
      std::string answer;
      if (!error) asio::read(socket, asio::dynamic_buffer(answer), error);
      ++(error == asio::error::eof && answer.starts_with("HTTP/1.1 200") ? served : cut_off);
    }
    ++refused;
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i)
    clients.emplace_back(ask_until_refused);
  CHECK(server.run_until([&] { return served > 100; }));
  server.listener->finish();
  CHECK(server.run_until([&] { return refused == kClients; }));
  for (std::thread& client : clients)
    client.join();
  CHECK(server.listener->has_finished());
  CHECK(cut_off == 0);
}

TEST_CASE("a listing goes out over a socket, whole") {
  Server server;
  for (int i = 0; i < 5000; ++i)
    server.admin.keys.push_back("key-" + std::to_string(i));
  Client client(server);
  client.send("GET /db HTTP/1.0\r\n\r\n");
  CHECK(client.is_closed());
  CHECK(client.clean);
  CHECK(client.received.ends_with("key-4999\r\n"));
}
