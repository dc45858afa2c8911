// libdht on Asio: scheduler, TCP transport, and operations with completion tokens. The only public header that
// includes Asio (standalone).
//
// `AsioScheduler` and `make_tcp_transport` implement dht/scheduler.h and dht/transport.h on the program's own
// io_contexts. `async_get` and its like make every operation awaitable: callbacks, `asio::use_awaitable`,
// `asio::use_future`.
//
// Thread rule: as in the contracts. An io_context may be run by any number of threads, or by none for a while: both
// classes may be destroyed while it does not run, and it may run on, or be destroyed, afterwards. The io_contexts must
// outlive scheduler and transport.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <asio/async_result.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <dht/detail/token_operation.h>
#include <dht/log.h>
#include <dht/node.h>
#include <dht/peer_protocol.h>
#include <dht/scheduler.h>
#include <dht/table.h>
#include <dht/transport.h>

namespace dht {

/// Real time on an io_context. Tasks run one at a time on the threads that run `loop`. The destructor waits for a task
/// that is running in another thread, and destroys those that are waiting.
class AsioScheduler final : public Scheduler {
 public:
  explicit AsioScheduler(asio::io_context& loop);
  ~AsioScheduler() override;
  AsioScheduler(const AsioScheduler&) = delete;
  AsioScheduler& operator=(const AsioScheduler&) = delete;

  Instant now() const override;
  std::uint64_t wall_ms() const override;
  void post(Function<void()> task) override;
  [[nodiscard]] std::unique_ptr<Timer> call_later(Duration delay, Function<void()> task) override;
  std::uint64_t random() override;

 private:
  class Core;
  std::shared_ptr<Core> core_;  ///< shared with the handlers that wait in the io_context, which may outlive us
};

struct TcpTransportOptions {
  /// Where to accept peers: every address that the host resolves to, port 0 for a free one. None: no listener of its
  /// own, connections come through `adopt` alone.
  std::optional<Address> listen{};
  /// Bytes queued for one connection, past which `send` refuses and a reply closes its link. A single frame may be
  /// larger.
  std::size_t max_queue_bytes = 64u * 1024 * 1024;
  /// For finding the host's addresses and connecting to one of them.
  std::chrono::milliseconds connect_timeout{3000};
  /// From the connection to the end of the handshake, on either side.
  std::chrono::milliseconds handshake_timeout{3000};
  /// A peer that acknowledges nothing for so long is taken for dead.
  std::chrono::milliseconds dead_peer_timeout{10000};
  /// The n-th failed attempt in a row is followed by a pause of about backoff_min * 2^(n-1), at most backoff_max, less
  /// up to half of it at random, so that many nodes do not return in step. `send` says unreachable meanwhile.
  std::chrono::milliseconds backoff_min{50};
  std::chrono::milliseconds backoff_max{2000};
  LogSink log{};
};

/// Frames over TCP; the byte format is in libdht/doc/wire_format.md.
class TcpTransport : public Transport {
 public:
  /// Takes a connection whose opener has asked for `GET kPeerPath` with `Upgrade: kPeerUpgrade`. `leftover` is what was
  /// read after the head of that request; it is copied. Answers the request, and goes on with frames. The socket stays
  /// on its executor. Closed at once where the transport is not started, or stopped.
  virtual void adopt(asio::ip::tcp::socket socket, std::string_view leftover) = 0;
  /// `options.listen` with the real port; nothing where there is no listener of its own.
  virtual std::optional<Address> listening() const = 0;
};

/// Binds at once and throws std::system_error, with a sentence, where it cannot; accepts from `start()` on, until when
/// connections wait in the system. Connections are spread over `loops` (at least one).
std::unique_ptr<TcpTransport> make_tcp_transport(std::vector<asio::io_context*> loops, TcpTransportOptions options);

// Operations with completion tokens. The handler is posted to its associated executor (Asio's system executor where it
// has none), so never called from inside the initiating call, and counts as work on that executor until then. Its
// cancellation slot cancels the operation; a write obeys only the types `terminal` and `partial`, since a cancelled
// write may have been done. The table must live until the handler is called.

/// Signature: void(std::error_code, std::optional<Entry>).
template <typename Token>
auto async_get(Table& table, std::string_view key, const ReadOptions& options, Token&& token) {
  return asio::async_initiate<Token, void(std::error_code, std::optional<Entry>)>(
      [&table, options](auto handler, const std::string& owned_key) {
        detail::start_operation(table, std::move(handler), asio::cancellation_type::all,
                                [&](GetHandler done) { return table.get(owned_key, options, std::move(done)); });
      },
      token, std::string(key));
}
template <typename Token>
auto async_get(Table& table, std::string_view key, Token&& token) {
  return async_get(table, key, ReadOptions{}, std::forward<Token>(token));
}

/// Signature: void(std::error_code, WriteResult).
template <typename Token>
auto async_put(Table& table, std::string_view key, std::string_view value, const WriteOptions& options, Token&& token) {
  return asio::async_initiate<Token, void(std::error_code, WriteResult)>(
      [&table, options](auto handler, const std::string& owned_key, const std::string& owned_value) {
        detail::start_operation(table, std::move(handler), detail::kWriteCancellation, [&](WriteHandler done) {
          return table.put(owned_key, owned_value, options, std::move(done));
        });
      },
      token, std::string(key), std::string(value));
}
template <typename Token>
auto async_put(Table& table, std::string_view key, std::string_view value, Token&& token) {
  return async_put(table, key, value, WriteOptions{}, std::forward<Token>(token));
}

/// Signature: void(std::error_code, WriteResult).
template <typename Token>
auto async_erase(Table& table, std::string_view key, const WriteOptions& options, Token&& token) {
  return asio::async_initiate<Token, void(std::error_code, WriteResult)>(
      [&table, options](auto handler, const std::string& owned_key) {
        detail::start_operation(table, std::move(handler), detail::kWriteCancellation,
                                [&](WriteHandler done) { return table.erase(owned_key, options, std::move(done)); });
      },
      token, std::string(key));
}
template <typename Token>
auto async_erase(Table& table, std::string_view key, Token&& token) {
  return async_erase(table, key, WriteOptions{}, std::forward<Token>(token));
}

/// `Node::join`. Signature: void(std::error_code). Cannot be cancelled: a join once begun ends by itself.
template <typename Token>
auto async_join(Node& node, std::string_view peers, Token&& token) {
  return asio::async_initiate<Token, void(std::error_code)>(
      [&node](auto handler, const std::string& owned_peers) {
        detail::start_operation(std::move(handler), [&](auto done) {
          node.join(owned_peers, [done = std::move(done)](Status status) mutable { done(status.code); });
        });
      },
      token, std::string(peers));
}

/// `Node::leave`. Signature: void(std::error_code). Cannot be cancelled.
template <typename Token>
auto async_leave(Node& node, Token&& token) {
  return asio::async_initiate<Token, void(std::error_code)>(
      [&node](auto handler) {
        detail::start_operation(std::move(handler), [&](auto done) {
          node.leave([done = std::move(done)](Status status) mutable { done(status.code); });
        });
      },
      token);
}

}  // namespace dht
