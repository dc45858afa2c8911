#include "support/socket.h"

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace dht::integration {

namespace {

[[noreturn]] void throw_errno(const char* what) {
  const int error = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS ? ETIMEDOUT : errno;
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

std::string to_string(const Endpoint& endpoint) { return endpoint.host + ":" + std::to_string(endpoint.port); }

Socket Socket::connect(const Endpoint& endpoint, std::chrono::milliseconds patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0)
    throw std::system_error(std::make_error_code(std::errc::address_not_available), endpoint.host);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.open()) throw_errno("socket");
    socket.set_patience(patience);
    const int on = 1;
    setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket.fd_, address->ai_addr, address->ai_addrlen) == 0) return socket;
    if (address->ai_next == nullptr) throw_errno("connect");
  }
  throw std::system_error(std::make_error_code(std::errc::address_not_available), endpoint.host);
}

Socket Socket::listen() {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.open()) throw_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw_errno("bind");
  if (::listen(socket.fd_, 64) != 0) throw_errno("listen");
  return socket;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

std::uint16_t Socket::local_port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) throw_errno("getsockname");
  return ntohs(address.sin_port);
}

Socket Socket::accept() {
  Socket accepted(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  if (!accepted.open()) throw_errno("accept");
  return accepted;
}

void Socket::set_patience(std::chrono::milliseconds patience) {
  timeval limit{};
  limit.tv_sec = patience.count() / 1000;
  limit.tv_usec = patience.count() % 1000 * 1000;
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

void Socket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw_errno("send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string Socket::receive(std::size_t at_most) {
  std::string bytes(at_most, '\0');
  const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
  if (size < 0) throw_errno("receive");
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

bool Socket::has_ended() const {
  char byte = 0;
  return recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void Socket::finish_sending() { ::shutdown(fd_, SHUT_WR); }

void Socket::shut_down() { ::shutdown(fd_, SHUT_RDWR); }

std::uint16_t free_port() { return Socket::listen().local_port(); }

}  // namespace dht::integration
