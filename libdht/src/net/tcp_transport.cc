// TcpTransport put together: listener, accepted connections, opened connections.
#include <utility>

#include <dht/asio.h>

#include "base/assert.h"
#include "net/environment.h"
#include "net/link_table.h"
#include "net/listener.h"
#include "net/peer_table.h"

namespace dht {
namespace net {
namespace {

class TcpTransportImpl final : public TcpTransport {
 public:
  TcpTransportImpl(const std::vector<asio::io_context*>& loops, TcpTransportOptions options)
      : environment_(std::make_shared<Environment>(std::move(options))),
        peers_(std::make_shared<PeerTable>(environment_, loops)),
        links_(std::make_shared<LinkTable>(environment_)) {
    const auto& listen = environment_->options().listen;
    if (listen) listener_ = std::make_shared<Listener>(environment_, loops, *listen);
  }
  ~TcpTransportImpl() override { TcpTransportImpl::stop(); }
  TcpTransportImpl(const TcpTransportImpl&) = delete;
  TcpTransportImpl& operator=(const TcpTransportImpl&) = delete;

  void start(const LocalIdentity& identity, TransportReceiver& receiver) override {
    DHT_ASSERT(identity.node);
    environment_->set_identity(identity);
    environment_->gate().open(receiver);
    if (listener_) {
      listener_->start([links = links_](asio::ip::tcp::socket socket) { links->add(std::move(socket), {}, false); });
    }
  }
  void set_identity(const LocalIdentity& identity) override { environment_->set_identity(identity); }

  Sent send(const Peer& peer, Lane lane, Frame frame) override { return peers_->send(peer, lane, frame); }
  std::error_code reply(LinkId link, Frame frame) override;
  void disconnect(const Peer& peer) override { peers_->disconnect(peer); }
  void close_link(LinkId link) override {
    if (const auto connection = links_->find(link)) connection->close_after_flush();
  }

  void adopt(asio::ip::tcp::socket socket, std::string_view leftover) override {
    if (environment_->gate().is_open()) links_->add(std::move(socket), std::string(leftover), true);
  }
  std::optional<Address> listening() const override {
    return listener_ ? std::optional(listener_->address()) : std::nullopt;
  }

  void stop() override {
    environment_->gate().close();
    if (listener_) listener_->stop();
    peers_->stop();
    links_->stop();
  }

 private:
  const std::shared_ptr<Environment> environment_;
  const std::shared_ptr<PeerTable> peers_;
  const std::shared_ptr<LinkTable> links_;
  std::shared_ptr<Listener> listener_;
};

std::error_code TcpTransportImpl::reply(LinkId link, Frame frame) {
  DHT_ASSERT(frame.type < wire::kFirstTransportType);
  if (!environment_->gate().is_open()) return Errc::stopped;
  const auto connection = links_->find(link);
  return connection ? connection->reply(frame) : std::error_code{};
}

}  // namespace
}  // namespace net

std::unique_ptr<TcpTransport> make_tcp_transport(std::vector<asio::io_context*> loops, TcpTransportOptions options) {
  DHT_ASSERT(!loops.empty());
  return std::make_unique<net::TcpTransportImpl>(loops, std::move(options));
}

}  // namespace dht
