#include "cluster/calls.h"

#include <utility>
#include <vector>

#include <dht/error.h>

#include "wire/message_type.h"

namespace dht::cluster {

Calls::Calls(Scheduler& scheduler, Transport& transport) : scheduler_(scheduler), transport_(transport) {}

Calls::~Calls() = default;

void Calls::call(const Peer& peer, wire::Call call, Duration timeout, Handler handler) {
  call.id = ++last_id_;
  send(peer, call.id, wire::encode(call), timeout, std::move(handler));
}

void Calls::call(const Peer& peer, wire::Call call, MapWriter& writer, Duration timeout, Handler handler) {
  const std::uint64_t id = ++last_id_;
  call.id = id;
  send(peer, id, writer.encode(std::move(call)), timeout, std::move(handler));
}

void Calls::send(const Peer& peer, std::uint64_t id, std::string_view payload, Duration timeout, Handler handler) {
  const Sent sent =
      transport_.send(peer, Lane::control, {static_cast<std::uint16_t>(wire::MessageType::call), payload});
  Pending& pending = pending_[id];
  pending.connection = sent.connection;
  pending.handler = std::move(handler);
  // A call that was not even sent ends soon, too, but not inside this one.
  const std::error_code error = sent.error ? sent.error : make_error_code(Errc::outcome_unknown);
  pending.timer = scheduler_.call_later(sent.error ? Duration{} : timeout, [this, id, error] { end(id, error, {}); });
}

void Calls::on_answer(std::string_view payload) {
  auto answer = wire::decode_answer(payload);
  if (!answer) return;
  const std::uint64_t id = answer->id;
  end(id, {}, std::move(*answer));
}

void Calls::on_broken(ConnectionId connection, std::error_code reason) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, pending] : pending_) {
    if (pending.connection == connection) ids.push_back(id);
  }
  for (const std::uint64_t id : ids)
    end(id, reason, {});
}

void Calls::stop() {
  while (!pending_.empty())
    end(pending_.begin()->first, Errc::stopped, {});
}

void Calls::end(std::uint64_t id, std::error_code error, wire::Answer answer) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  // Out of the map first: the handler may call again, or stop everything.
  Pending pending = std::move(found->second);
  pending_.erase(found);
  pending.handler(error, std::move(answer));
}

}  // namespace dht::cluster
