// A bare TCP connection on the test's io_context, to play a peer that misbehaves.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>

#include <dht/types.h>

namespace dht::testing {

class RawStream : public std::enable_shared_from_this<RawStream> {
 public:
  static std::shared_ptr<RawStream> on(asio::ip::tcp::socket socket) {
    auto stream = std::make_shared<RawStream>(std::move(socket));
    stream->read();
    return stream;
  }
  static std::shared_ptr<RawStream> connect(asio::io_context& loop, const Address& address) {
    asio::ip::tcp::socket socket(loop);
    socket.connect({asio::ip::address_v4::loopback(), address.port});
    return on(std::move(socket));
  }

  explicit RawStream(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  /// Small enough for the system's buffers.
  void write(std::string_view bytes) {
    std::error_code error;
    asio::write(socket_, asio::buffer(bytes), error);
  }
  void close() { socket_.close(); }

  std::string received;
  bool closed = false;  ///< by the other side

 private:
  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [this, self = shared_from_this()](std::error_code error, std::size_t count) {
                              if (error) {
                                closed = true;
                                return;
                              }
                              received.append(buffer_.data(), count);
                              read();
                            });
  }

  asio::ip::tcp::socket socket_;
  std::array<char, 4096> buffer_{};
};

}  // namespace dht::testing
