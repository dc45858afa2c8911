#include "memory_transport.h"

#include <utility>

#include <dht/error.h>

#include "base/assert.h"

namespace dht::testing {

MemoryTransport::MemoryTransport(MemorySwitch& network, Address address)
    : network_(network), address_(std::move(address)) {}

MemoryTransport::~MemoryTransport() { stop(); }

void MemoryTransport::start(const LocalIdentity& identity, TransportReceiver& receiver) {
  DHT_ASSERT(!is_running());
  identity_ = identity;
  receiver_ = &receiver;
  network_.listen(*this);
}

void MemoryTransport::set_identity(const LocalIdentity& identity) { identity_ = identity; }

Sent MemoryTransport::send(const Peer& peer, Lane lane, Frame frame) {
  if (const auto error = refusal(frame)) return {error, 0};
  return network_.send(*this, peer, lane, frame);
}

std::error_code MemoryTransport::reply(LinkId link, Frame frame) {
  std::error_code error = refusal(frame);
  if (!error) error = network_.reply(*this, link, frame);
  if (error) close_link(link);
  return error;
}

void MemoryTransport::disconnect(const Peer& peer) {
  if (is_running()) network_.disconnect(*this, peer);
}

void MemoryTransport::close_link(LinkId link) {
  if (is_running()) network_.close_link(*this, link);
}

void MemoryTransport::stop() {
  if (is_running()) network_.stop(*this);
}

TransportReceiver& MemoryTransport::receiver() const noexcept {
  DHT_ASSERT(is_running());
  return *receiver_;
}

bool MemoryTransport::is_backing_off(const Peer& peer, Lane lane, Instant now) const {
  const auto found = not_before_.find({peer, lane});
  return found != not_before_.end() && now < found->second;
}

std::error_code MemoryTransport::refusal(const Frame& frame) const noexcept {
  if (!is_running()) return Errc::stopped;
  if (frame.payload.size() > kMaxFramePayload) return Errc::too_large;
  return {};
}

}  // namespace dht::testing
