// TCP transports over loopback on one io_context that the test runs.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <dht/asio.h>

#include "transport_contract.h"

namespace dht::testing {

class TcpWorld final : public TransportWorld {
 public:
  Made make_transport() override {
    auto transport = make_tcp_transport({&loop}, options());
    const Address address = *transport->listening();
    return {std::move(transport), address};
  }
  Address unused_address() override {
    // Bound, and so nobody else's; but not listened on.
    reserved_.emplace_back(loop, asio::ip::tcp::v4());
    reserved_.back().bind({asio::ip::address_v4::loopback(), 0});
    return {"127.0.0.1", reserved_.back().local_endpoint().port()};
  }
  bool run_until(Function<bool()> done) override {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  TcpTransportOptions options() {
    return {.listen = Address{"localhost", 0},
            .max_queue_bytes = kMaxQueueBytes,
            .backoff_min = std::chrono::milliseconds(50),
            .backoff_max = std::chrono::milliseconds(100),
            .log = [this](LogLevel level, std::string_view line) {
              if (level >= LogLevel::warning) log.emplace_back(line);
            }};
  }

  asio::io_context loop;
  std::vector<std::string> log;  ///< warnings and errors

 private:
  std::vector<asio::ip::tcp::socket> reserved_;
};

}  // namespace dht::testing
