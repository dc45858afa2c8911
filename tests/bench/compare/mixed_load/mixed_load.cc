// Load on servers that keep keys and values: reads and writes mixed, through several servers, at a fixed rate or as
// fast as they are answered.
//
//   mixed_load ports=PORT,... keys=N [NAME=VALUE...]
//
//   speaks=dhtd       or etcd or redis: what is said to the servers
//   connections=64    in all
//   seconds=2         for so long, random keys out of N are asked for,
//   puts=0            and put in so many of a hundred requests;
//   each=put          instead: every key is put (or, with `get` and `remove`, read or deleted) once, in order
//   rate=0            requests per second. They are due at fixed times, and one that finds every connection to its
//                     server busy waits. 0: each of the connections' requests is due when the one before it is answered
//   log=FILE          of each request, as two 64-bit integers: the time when it was due, and how long from then until
//                     its answer was there; in nanoseconds of the steady clock
//
// A server that refuses a request ends it with a sentence.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.h"
#include "speech.h"

namespace mixed_load {
namespace {

using Clock = std::chrono::steady_clock;
using Time = std::chrono::nanoseconds;

Time now() { return Clock::now().time_since_epoch(); }

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

int connect_to(std::uint16_t port) {
  const int handle = checked(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  checked(::connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  const int on = 1;
  ::setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return handle;
}

struct Request {
  Kind kind;
  std::uint64_t key;
  Time due;
};

/// Which requests are made, one after the other.
class Plan {
 public:
  explicit Plan(const Options& options)
      : keys_(static_cast<std::uint64_t>(options.number("keys", 0))),
        each_(kind_of(options.text("each", ""))),
        some_key_(0, keys_ - 1),
        put_(options.number("puts", 0) / 100),
        end_(now() + Time(static_cast<std::int64_t>(options.number("seconds", 2) * 1e9))) {
    if (keys_ == 0) throw std::runtime_error("how many keys? Say keys=N");
  }

  std::optional<Request> next(Time due) {
    if (each_) return made_ == keys_ ? std::nullopt : std::optional(Request{*each_, made_++, due});
    if (due >= end_) return std::nullopt;
    return Request{put_(random_) ? Kind::put : Kind::get, some_key_(random_), due};
  }

 private:
  static std::optional<Kind> kind_of(const std::string& name) {
    if (name.empty()) return std::nullopt;
    if (name == "get") return Kind::get;
    if (name == "put") return Kind::put;
    if (name == "remove") return Kind::remove;
    throw std::runtime_error("each=" + name + " is unknown; there are: get, put, remove");
  }

  const std::uint64_t keys_;
  const std::optional<Kind> each_;
  std::mt19937_64 random_{std::random_device{}()};
  std::uniform_int_distribution<std::uint64_t> some_key_;
  std::bernoulli_distribution put_;
  const Time end_;
  std::uint64_t made_ = 0;
};

struct Connection {
  int handle;
  std::size_t server;
  Request request{};
  std::string heard{};
};

struct Server {
  std::deque<Connection*> idle{};
  std::deque<Request> waiting{};
};

class Load {
 public:
  explicit Load(const Options& options)
      : rate_(options.number("rate", 0)),
        log_(options.text("log", "")),
        speech_(speech_of(options.text("speaks", "dhtd"), options.ports())),
        servers_(options.ports().size()),
        loop_(checked(::epoll_create1(0), "epoll_create1")) {
    const auto connections = static_cast<std::size_t>(options.number("connections", 64));
    for (std::size_t i = 0; i < connections; ++i) {
      const std::size_t server = i % servers_.size();
      connections_.push_back({.handle = connect_to(options.ports()[server]), .server = server});
      epoll_event wanted{};
      wanted.events = EPOLLIN;
      wanted.data.ptr = &connections_.back();
      checked(::epoll_ctl(loop_, EPOLL_CTL_ADD, connections_.back().handle, &wanted), "epoll_ctl");
      servers_[server].idle.push_back(&connections_.back());
    }
    if (!log_.empty()) make_room(std::max(rate_ * options.number("seconds", 2), options.number("keys", 0)));
    plan_.emplace(options);
  }

  void run() {
    const Time begin = now();
    if (rate_ == 0) {
      for (std::size_t i = 0; i < connections_.size(); ++i)
        begin_another(begin);
    }
    Time answered = now();
    while (!ended_ || outstanding_ > 0) {
      const Time next = rate_ > 0 ? begin_all_due(begin) : answered + std::chrono::seconds(1);
      if (hear_all(next)) answered = now();
      if (now() - answered > std::chrono::seconds(20))
        throw std::runtime_error(std::to_string(outstanding_) + " requests have had no answer for 20 s");
    }
    std::cout << done_ << " requests in " << static_cast<double>((now() - begin).count()) / 1e9 << " s\n";
    if (!log_.empty()) {
      std::ofstream(log_, std::ios::binary)
          .write(reinterpret_cast<const char*>(times_.data()),
                 static_cast<std::streamsize>(times_.size() * sizeof(Time)));
    }
  }

 private:
  /// And touches it, since a pause of our own would be taken for one of the server.
  void make_room(double requests) {
    times_.assign(2 * static_cast<std::size_t>(requests), Time{1});
    times_.clear();
  }

  /// When the next one is.
  Time begin_all_due(Time begin) {
    for (;;) {
      const Time due = begin + Time(static_cast<std::int64_t>(static_cast<double>(begun_) * 1e9 / rate_));
      if (ended_) return due + std::chrono::seconds(1);
      if (due > now()) return due;
      begin_another(due);
    }
  }

  void begin_another(Time due) {
    const std::optional<Request> request = plan_->next(due);
    ended_ = !request;
    if (ended_) return;
    ++begun_;
    ++outstanding_;
    submit(*request);
  }

  void submit(const Request& request) {
    Server& server = servers_[speech_->route(request.key)];
    if (server.idle.empty()) {
      server.waiting.push_back(request);
    } else {
      Connection& connection = *server.idle.front();
      server.idle.pop_front();
      send(connection, request);
    }
  }

  void send(Connection& connection, const Request& request) {
    connection.request = request;
    connection.heard.clear();
    const std::string bytes = speech_->request(request.kind, request.key);
    if (::send(connection.handle, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
      throw std::system_error(errno, std::generic_category(), "a request could not be sent");
  }

  /// Waits until something is heard or it is `next`.
  bool hear_all(Time next) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t left = std::clamp<std::int64_t>((next - now()).count(), 0, kSecond);
    const timespec wait{.tv_sec = left / kSecond, .tv_nsec = left % kSecond};
    std::array<epoll_event, 256> ready{};
    const int count = ::epoll_pwait2(loop_, ready.data(), static_cast<int>(ready.size()), &wait, nullptr);
    for (int i = 0; i < count; ++i)
      hear(*static_cast<Connection*>(ready[static_cast<std::size_t>(i)].data.ptr));
    return count > 0;
  }

  void hear(Connection& connection) {
    std::array<char, 65536> input;
    const ssize_t size = ::recv(connection.handle, input.data(), input.size(), 0);
    if (size <= 0) throw std::runtime_error("a server closed a connection");
    connection.heard.append(input.data(), static_cast<std::size_t>(size));
    const Heard heard = speech_->listen(connection.heard);
    if (heard == Heard::part) return;
    const Request request = connection.request;
    set_free(connection);
    if (heard == Heard::elsewhere) return submit(request);
    finish(request);
  }

  void set_free(Connection& connection) {
    Server& server = servers_[connection.server];
    if (server.waiting.empty()) return server.idle.push_back(&connection);
    const Request request = server.waiting.front();
    server.waiting.pop_front();
    send(connection, request);
  }

  void finish(const Request& request) {
    ++done_;
    --outstanding_;
    const Time answered = now();
    if (!log_.empty()) times_.insert(times_.end(), {request.due, answered - request.due});
    if (rate_ == 0) begin_another(answered);
  }

  const double rate_;
  const std::string log_;
  const std::unique_ptr<Speech> speech_;
  std::vector<Server> servers_;
  std::deque<Connection> connections_;  ///< keeps its elements where they are
  const int loop_;
  std::optional<Plan> plan_;  ///< its time begins when all connections are there
  std::vector<Time> times_;
  std::size_t begun_ = 0;
  std::size_t outstanding_ = 0;
  std::size_t done_ = 0;
  bool ended_ = false;
};

}  // namespace
}  // namespace mixed_load

int main(int argc, char** argv) try {
  ::prctl(PR_SET_TIMERSLACK, 1);  // requests go out when they are due, not up to 50 us later
  mixed_load::Load(mixed_load::Options(argc, argv)).run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "mixed_load: " << error.what() << '\n';
  return 1;
}
