// What TcpTransport adds to the transport contract: listening, back-off, threads, shutdown at any moment.
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <dirent.h>
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <dht/asio.h>

#include "raw_stream.h"
#include "tcp_world.h"

namespace dht::testing {
namespace {

using contract::kAnna;
using contract::kBert;
using Kind = Event::Kind;

TEST_CASE("a transport listens on every address of its host, on one port") {
  TcpWorld world;
  auto transport = make_tcp_transport({&world.loop}, world.options());
  REQUIRE(transport->listening());
  CHECK(transport->listening()->host == "localhost");
  CHECK(transport->listening()->port != 0);
  asio::ip::tcp::resolver resolver(world.loop);
  std::size_t reached = 0;
  for (const auto& entry : resolver.resolve("localhost", std::to_string(transport->listening()->port))) {
    asio::ip::tcp::socket socket(world.loop);
    std::error_code error;
    socket.connect(entry.endpoint(), error);
    if (!error) ++reached;
  }
  CHECK(reached >= 1);
}

TEST_CASE("an address that is taken, or none, throws a sentence") {
  TcpWorld world;
  auto first = make_tcp_transport({&world.loop}, world.options());
  TcpTransportOptions options = world.options();
  options.listen = first->listening();
  try {
    auto second = make_tcp_transport({&world.loop}, options);
    FAIL("the port is taken");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::address_in_use);
    CHECK(std::string(error.what()).find("cannot listen on localhost:") != std::string::npos);
  }
  options.listen = Address{"no.such.host.invalid", 0};
  CHECK_THROWS_AS(make_tcp_transport({&world.loop}, options), std::system_error);
}

TEST_CASE("the port is free again once the transport has stopped, even if nothing runs") {
  TcpWorld world;
  auto first = make_tcp_transport({&world.loop}, world.options());
  Recorder heard;
  first->start({kAnna, ClusterId{7}, *first->listening()}, heard);
  first->stop();
  TcpTransportOptions options = world.options();
  options.listen = first->listening();
  CHECK_NOTHROW(make_tcp_transport({&world.loop}, options));
}

TEST_CASE("failing attempts are repeated on the next send only, and logged once") {
  TcpWorld world;
  Party anna(world, kAnna);
  const Peer nobody{world.unused_address(), ClusterId{7}, kBert};
  ConnectionId last = 0;
  for (std::size_t attempt = 1; attempt <= 5; ++attempt) {
    Sent sent;
    REQUIRE(contract::send_in_the_end(world, anna, nobody, Lane::control, {5, ""}, sent));
    CHECK(sent.connection > last);
    last = sent.connection;
    REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == attempt; }));
    CHECK(anna.heard.events.back().connection == last);
    CHECK(anna.heard.events.back().reason == Errc::unreachable);
  }
  CHECK(world.log.size() == 1);
}

TEST_CASE("a host without an address is unreachable") {
  TcpWorld world;
  Party anna(world, kAnna);
  anna.transport().send({{"no.such.host.invalid", 1}, ClusterId{7}, kBert}, Lane::control, {5, ""});
  REQUIRE(world.run_until([&] { return anna.heard.count(Kind::broken) == 1; }));
  CHECK(anna.heard.events.back().reason == Errc::unreachable);
}

/// Open file descriptors of this process.
rlim_t open_descriptors() {
  rlim_t count = 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
  while (::readdir(folder.get()) != nullptr)
    ++count;
  return count;
}

TEST_CASE("with too few file descriptors accepting pauses, is logged once, and goes on") {
  TcpWorld world;
  Party bert(world, kBert);
  asio::ip::tcp::socket socket(world.loop);
  socket.open(asio::ip::tcp::v4());
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  std::vector<asio::ip::tcp::socket> fillers;
  const rlimit few{open_descriptors() + 4, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  for (std::error_code full; !full;)
    fillers.emplace_back(world.loop).open(asio::ip::tcp::v4(), full);
  socket.connect({asio::ip::address_v4::loopback(), bert.identity.address.port});
  const bool logged = world.run_until([&] { return !world.log.empty(); });
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(logged);
  auto raw = RawStream::on(std::move(socket));
  raw->write("not a peer, but answered");
  CHECK(world.run_until([&] { return raw->closed; }));
  CHECK(world.log[0].find("cannot accept peer connections") == 0);
  CHECK(world.log.size() == 2);  // the second is about what the stranger said
}

TEST_CASE("a reader that is stuck holds its own connection only") {
  TcpWorld world;
  Party anna(world, kAnna);
  Party bert(world, kBert);
  asio::ip::tcp::acceptor stuck(world.loop, {asio::ip::address_v4::loopback(), 0});
  const Peer nobody{{"127.0.0.1", stuck.local_endpoint().port()}, ClusterId{7}, NodeId{3}};
  const std::string payload(8000, 'x');
  while (!anna.transport().send(nobody, Lane::request, {5, payload}).error) {
  }
  CHECK(anna.transport().send(nobody, Lane::request, {5, payload}).error == Errc::overloaded);
  CHECK_FALSE(anna.transport().send(bert.peer(), Lane::request, {5, payload}).error);
  CHECK(world.run_until([&] { return bert.heard.count(Kind::request) == 1; }));
}

TEST_CASE("stop works while the loop does not run, and nothing is told when it runs again") {
  TcpWorld world;
  auto anna = std::make_unique<Party>(world, kAnna);
  auto bert = std::make_unique<Party>(world, kBert);
  anna->transport().send(bert->peer(), Lane::request, {5, "delivered"});
  REQUIRE(world.run_until([&] { return bert->heard.count(Kind::request) == 1; }));
  auto raw = RawStream::connect(world.loop, bert->identity.address);
  anna->transport().send(bert->peer(), Lane::request, {5, "never"});
  anna->transport().send(bert->peer(), Lane::control, {5, "never"});
  bert->transport().reply(bert->heard.events[0].link.link, {6, "never"});
  anna->transport().stop();
  bert->transport().stop();
  anna->transport().stop();
  CHECK(anna->heard.events.empty());
  const auto heard = bert->heard.events.size();
  anna.reset();
  CHECK(bert->heard.events.size() == heard);
  bert.reset();
  CHECK(world.run_until([&] { return raw->closed; }));
}

TEST_CASE("an io_context may be destroyed with the remains of a transport in it") {
  auto world = std::make_unique<TcpWorld>();
  {
    Party anna(*world, kAnna);
    Party bert(*world, kBert);
    anna.transport().send(bert.peer(), Lane::request, {5, "in the middle"});
    world->loop.run_one();
  }
  world.reset();
}

/// Counts, from several threads; checks that one connection's calls come one at a time and in order.
TEST_CASE("frames that came together are announced before the first of them is delivered") {
  struct Announced final : Recorder {
    void expect(ClusterId cluster, Lane lane, std::span<const Frame> frames) noexcept override {
      CHECK(cluster == ClusterId{7});
      CHECK(lane == Lane::request);
      CHECK(announced == events.size());  // each once, and none after its delivery
      announced += frames.size();
      CHECK(frames.front().payload == std::to_string(events.size()));
    }
    std::size_t announced = 0;
  };
  TcpWorld world;
  auto server = make_tcp_transport({&world.loop}, world.options());
  Announced heard;
  server->start({kBert, ClusterId{7}, *server->listening()}, heard);
  Party anna(world, kAnna);
  for (int i = 0; i < 40; ++i)
    anna.transport().send({*server->listening(), ClusterId{7}, kBert}, Lane::request, {1, std::to_string(i)});
  REQUIRE(world.run_until([&] { return heard.count(Kind::request) == 40; }));
  CHECK(heard.announced == 40);
  server->stop();
}

class CountingReceiver final : public TransportReceiver {
 public:
  Transport* answer_through = nullptr;

  void on_request(const LinkInfo& from, Frame frame) override {
    const auto lane = static_cast<std::size_t>(from.lane);
    if (inside_[lane].exchange(true)) overlap = true;
    ++requests;
    if (answer_through != nullptr) answer_through->reply(from.link, frame);
    inside_[lane] = false;
  }
  void on_reply(const Peer&, Lane, Frame) override { ++replies; }
  void on_broken(const Peer&, Lane, ConnectionId, std::error_code) override { ++broken; }
  void on_link_closed(const LinkInfo&) override { ++closed; }

  std::atomic<std::size_t> requests = 0;
  std::atomic<std::size_t> replies = 0;
  std::atomic<std::size_t> broken = 0;
  std::atomic<std::size_t> closed = 0;
  std::atomic<bool> overlap = false;

 private:
  std::atomic<bool> inside_[kLanes] = {};
};

/// io_contexts, each run by one thread.
class Threads {
 public:
  explicit Threads(std::size_t count) {
    for (std::size_t at = 0; at < count; ++at) {
      loops_.push_back(std::make_unique<asio::io_context>());
      guards_.emplace_back(loops_.back()->get_executor());
      threads_.emplace_back([loop = loops_.back().get()] { loop->run(); });
    }
  }
  ~Threads() {
    for (auto& guard : guards_)
      guard.reset();
    for (auto& loop : loops_)
      loop->stop();
    for (auto& thread : threads_)
      thread.join();
  }
  std::vector<asio::io_context*> loops() const {
    std::vector<asio::io_context*> all;
    for (const auto& loop : loops_)
      all.push_back(loop.get());
    return all;
  }

 private:
  std::vector<std::unique_ptr<asio::io_context>> loops_;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards_;
  std::vector<std::thread> threads_;
};

struct ThreadedParty {
  ThreadedParty(const Threads& threads, NodeId node)
      : transport(make_tcp_transport(threads.loops(), {.listen = Address{"localhost", 0},
                                                       .backoff_min = std::chrono::milliseconds(1),
                                                       .backoff_max = std::chrono::milliseconds(4)})) {
    peer = {*transport->listening(), ClusterId{7}, node};
    heard.answer_through = transport.get();
    transport->start({node, ClusterId{7}, peer.address}, heard);
  }
  Peer peer;
  CountingReceiver heard;
  std::unique_ptr<TcpTransport> transport;
};

TEST_CASE("several threads send over several loops, and every frame is answered") {
  const Threads threads(2);
  ThreadedParty anna(threads, kAnna);
  ThreadedParty bert(threads, kBert);
  constexpr std::size_t kEach = 2000;
  std::vector<std::thread> senders;
  for (const Lane lane : {Lane::control, Lane::request, Lane::replication}) {
    senders.emplace_back([&, lane] {
      for (std::size_t at = 0; at < kEach; ++at) {
        anna.transport->send(bert.peer, lane, {5, "question"});
        bert.transport->send(anna.peer, lane, {5, "question"});
      }
    });
  }
  for (std::thread& sender : senders)
    sender.join();
  while (anna.heard.replies < kLanes * kEach || bert.heard.replies < kLanes * kEach)
    std::this_thread::yield();
  anna.transport->stop();
  bert.transport->stop();
  CHECK(anna.heard.requests == kLanes * kEach);
  CHECK(bert.heard.requests == kLanes * kEach);
  CHECK_FALSE(anna.heard.overlap);
  CHECK_FALSE(bert.heard.overlap);
}

TEST_CASE("stop, disconnect and restart in the middle of traffic") {
  const Threads threads(2);
  ThreadedParty bert(threads, kBert);
  for (int round = 0; round < 20; ++round) {
    auto anna = std::make_unique<ThreadedParty>(threads, kAnna);
    std::atomic<bool> go_on = true;
    std::thread sender([&] {
      while (go_on) {
        anna->transport->send(bert.peer, Lane::request, {5, "question"});
        bert.transport->send(anna->peer, Lane::request, {5, "question"});
      }
    });
    while (anna->heard.replies + anna->heard.requests < 100)
      std::this_thread::yield();
    if (round % 2 == 0) anna->transport->disconnect(bert.peer);
    if (round % 3 == 0) bert.transport->disconnect(anna->peer);
    anna->transport->stop();
    const std::size_t heard = anna->heard.replies + anna->heard.requests + anna->heard.broken + anna->heard.closed;
    go_on = false;
    sender.join();
    CHECK(anna->heard.replies + anna->heard.requests + anna->heard.broken + anna->heard.closed == heard);
    CHECK(anna->transport->send(bert.peer, Lane::request, {5, ""}).error == Errc::stopped);
  }
  bert.transport->stop();
}

TEST_CASE("a node that comes back again and again keeps its order") {
  const Threads threads(2);
  ThreadedParty bert(threads, kBert);
  std::vector<std::unique_ptr<ThreadedParty>> incarnations;
  for (std::size_t round = 1; round <= 30; ++round) {
    incarnations.push_back(std::make_unique<ThreadedParty>(threads, kAnna));
    incarnations.back()->transport->send(bert.peer, Lane::replication, {5, "question"});
    if (round % 3 != 0) continue;  // some overtake those before them
    while (incarnations.back()->heard.replies == 0) {
      incarnations.back()->transport->send(bert.peer, Lane::replication, {5, "question"});
      std::this_thread::yield();
    }
  }
  for (auto& incarnation : incarnations)
    incarnation->transport->stop();
  bert.transport->stop();
  CHECK_FALSE(bert.heard.overlap);
}

}  // namespace
}  // namespace dht::testing
