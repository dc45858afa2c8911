// The ruler: what one core can do at all over HTTP on this machine. One epoll loop that reads, counts empty lines and
// writes as many copies of one answer. It parses nothing and keeps nothing, and so is no server.
//
//   ruler PORT              answers on 127.0.0.1, each request with 100 bytes
//   ruler PORT discard      reads a request of any size, forgets it and answers when nothing more comes of it
//   ruler PORT close        answers one request of each connection and closes it
//
// Used by compare.py. Errors end it with a sentence.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr std::size_t kMostTogether = 4096;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

int listen_on(std::uint16_t port) {
  const int listener = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  checked(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  checked(::listen(listener, 1024), "listen");
  return listener;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

class Ruler {
 public:
  Ruler(std::uint16_t port, std::string_view how)
      : discards_(how == "discard"),
        closes_(how == "close"),
        one_(std::string("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n") +
             (closes_ ? "Connection: close\r\n" : "") + "Content-Length: 100\r\n\r\n" + std::string(100, 'x')),
        answers_(repeated(one_, kMostTogether)),
        listener_(listen_on(port)),
        loop_(checked(::epoll_create1(0), "epoll_create1")) {
    watch(listener_);
  }

  void run() {
    std::array<epoll_event, 256> ready;
    for (;;) {
      const int count = ::epoll_wait(loop_, ready.data(), static_cast<int>(ready.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int handle = ready[static_cast<std::size_t>(i)].data.fd;
        if (handle == listener_) {
          accept_all();
        } else {
          serve(handle);
        }
      }
    }
  }

 private:
  void watch(int handle) {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.fd = handle;
    checked(::epoll_ctl(loop_, EPOLL_CTL_ADD, handle, &wanted), "epoll_ctl");
  }

  void accept_all() {
    const int on = 1;
    for (int client; (client = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(client);
    }
  }

  void serve(int client) {
    const ssize_t size = ::read(client, input_.data(), input_.size());
    if (size <= 0) return forget(client);
    const std::string_view bytes(input_.data(), static_cast<std::size_t>(size));
    const std::size_t requests = discards_ ? count_bodies(client, bytes) : count_heads(bytes);
    std::string_view out = std::string_view(answers_).substr(0, requests * one_.size());
    while (!out.empty()) {
      const ssize_t sent = ::write(client, out.data(), out.size());
      if (sent < 0) return;
      out.remove_prefix(static_cast<std::size_t>(sent));
    }
    if (closes_ && requests > 0) forget(client);
  }

  void forget(int client) {
    left_.erase(client);
    ::close(client);
  }

  static std::size_t count_heads(std::string_view bytes) {
    std::size_t heads = 0;
    for (std::size_t at = 0; (at = bytes.find("\r\n\r\n", at)) != std::string_view::npos; at += 4)
      ++heads;
    return heads;
  }

  /// One request at a time, whose length is said in its head.
  std::size_t count_bodies(int client, std::string_view bytes) {
    std::size_t& left = left_[client];
    if (left == 0) {
      constexpr std::string_view kLength = "Content-Length: ";
      const std::size_t length = bytes.find(kLength);
      const std::size_t end = bytes.find("\r\n\r\n");
      if (length == std::string_view::npos || end == std::string_view::npos) return 0;
      left = std::strtoull(bytes.data() + length + kLength.size(), nullptr, 10);
      bytes.remove_prefix(end + 4);
    }
    left -= std::min(left, bytes.size());
    return left == 0 ? 1 : 0;
  }

  const bool discards_;
  const bool closes_;
  const std::string one_;
  const std::string answers_;
  const int listener_;
  const int loop_;
  std::array<char, 65536> input_{};
  std::unordered_map<int, std::size_t> left_;  ///< bytes of body still to come, by connection
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::runtime_error("usage: ruler PORT [discard|close]");
  Ruler(static_cast<std::uint16_t>(std::stoul(argv[1])), argc > 2 ? argv[2] : "").run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "ruler: " << error.what() << '\n';
  return 1;
}
