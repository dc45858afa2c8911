// AcceptedConnection: a connection that a peer opened to us. Answers the handshake, waits until the peer's older
// connection of the same lane is gone, and then carries frames. Takes no frame while its replies pile up.
//
// Thread rule: as for Connection. `start` may be called from any thread, once; `reply` from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <dht/function.h>

#include "net/connection.h"
#include "wire/handshake.h"

namespace dht::net {

class LinkTable;

class AcceptedConnection final : public Connection {
 public:
  AcceptedConnection(std::shared_ptr<Environment> environment, std::shared_ptr<LinkTable> links, LinkId id,
                     asio::ip::tcp::socket socket);

  /// `received` is what was read already; `request_seen` says that the HTTP request before it has been recognized.
  void start(std::string received, bool request_seen);
  /// As Transport::reply, once the link table has admitted the connection.
  std::error_code reply(Frame frame);
  /// A newer connection of the same opener and lane: ends this one and then calls `done`, on this one's strand.
  void give_way(Function<void()> done);

  LinkId id() const noexcept { return info_.link; }
  /// Fixed once the link table has admitted the connection.
  const LinkInfo& info() const noexcept { return info_; }

 private:
  enum class Phase : std::uint8_t { request, hello, confirm, waiting, open, refused };

  bool consume_input() override;
  void after_write() override;
  void after_end(std::error_code reason) override;
  std::string peer_name() const override;

  void take_request();
  void take_hello();
  void answer(const wire::Hello& hello);
  void take_confirm();
  void wait_for_predecessor();
  void refuse(std::string_view why);
  void predecessor_gone();
  void leave_table();

  const std::shared_ptr<LinkTable> links_;
  LinkInfo info_;
  std::string remote_;
  Phase phase_ = Phase::request;
  bool paused_ = false;  ///< open, and not read from until what waits has been sent
  std::uint64_t nonce_ = 0;
  std::vector<Function<void()>> successors_;  ///< to be called when this connection is gone
};

}  // namespace dht::net
