// What a session does for other nodes: it runs their requests on its replicas and takes the streams of primaries.

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

#include "node/session.h"

namespace dht::node {
namespace {

using wire::MessageType;
using wire::ReplyHeader;

/// No asker waits longer, whatever it says.
constexpr std::chrono::milliseconds kLongestParked = std::chrono::minutes(10);
/// How long before its deadline an asker is told that nothing was done: later, a write would be of unknown outcome.
constexpr std::chrono::milliseconds kWarning{250};

constexpr std::uint16_t type_number(MessageType type) { return static_cast<std::uint16_t>(type); }

ReplyHeader reply_header(std::uint64_t request, std::error_code error) {
  ReplyHeader header{.request = request};
  if (error) {
    header.code = ReplyHeader::Code::failed;
    header.error = static_cast<std::uint8_t>(
        error.category() == error_category() ? error.value() : static_cast<int>(Errc::not_applied));
  }
  return header;
}

/// The refusal of a request of the given type.
std::string encode_refusal(std::uint16_t type, const ReplyHeader& header) {
  switch (static_cast<MessageType>(type)) {
    case MessageType::get:
      return wire::encode(wire::GetReply{.header = header});
    case MessageType::write:
      return wire::encode(wire::WriteReply{.header = header});
    default:
      return wire::encode(wire::DoneReply{.header = header});
  }
}

std::uint16_t reply_type(std::uint16_t type) {
  switch (static_cast<MessageType>(type)) {
    case MessageType::get:
      return type_number(MessageType::get_reply);
    case MessageType::write:
      return type_number(MessageType::write_reply);
    default:
      return type_number(MessageType::done_reply);
  }
}

bool is_request(std::uint16_t type) {
  return type >= type_number(MessageType::get) && type <= type_number(MessageType::drop_copies);
}

}  // namespace

void Session::on_request(const LinkInfo& from, Frame frame) {
  if (from.lane == Lane::replication) {
    if (frame.type == type_number(MessageType::stream_piece)) on_piece(from, frame.payload);
    return;
  }
  const auto header = wire::decode_request_header(frame.payload);
  if (!is_request(frame.type) || !header || header->partition >= partitions_) {
    return close_senseless(from, "request");
  }
  serve_request(from, frame.type, frame.payload, *header);
}

void Session::close_senseless(const LinkInfo& from, std::string_view what) {
  log(LogLevel::warning,
      fmt::format("closed a connection of node {}: it sent a {} that makes no sense", to_string(from.node), what));
  parts_.transport->close_link(from.link);
}

void Session::refuse_stranger(const LinkInfo& from, Frame frame) {
  if (from.lane == Lane::replication && frame.type == type_number(MessageType::stream_piece)) {
    const auto piece = wire::decode_stream_piece(frame.payload);
    if (piece) send_ack(from.link, {.stream = piece->stream, .index = piece->index, .refused = true});
    return;
  }
  if (from.lane != Lane::request || !is_request(frame.type)) return;
  if (const auto header = wire::decode_request_header(frame.payload)) {
    refuse_request(from, frame.type, header->request, 0);
  }
}

void Session::serve_request(const LinkInfo& from, std::uint16_t type, std::string_view payload,
                            const wire::RequestHeader& header) {
  replica::Effects effects;
  bool refused = false;
  bool malformed = false;
  Revision revision = 0;
  {
    Slot& slot = this->slot(header.partition);
    std::lock_guard lock(slot.mutex);
    revision = slot.revision;
    if (is_late_merge(from, type, header.revision)) {
      refused = true;
    } else if (!retired_ && serves(slot)) {
      malformed = !run_request(slot, from, type, payload, effects);
      send_pieces(slot, effects);
    } else if (!retired_ && !detached_ && (slot.primary == parts_.self || header.revision > slot.revision)) {
      const std::chrono::milliseconds left{header.deadline_ms};
      const Instant expires = parts_.scheduler->now() + std::min(left - std::min(left / 4, kWarning), kLongestParked);
      slot.parked_requests.push_back({from, type, std::string(payload), expires});
      if (!has_parked_requests_.exchange(true)) (*parts_.keep_house)();
    } else {
      refused = true;
    }
  }
  if (malformed) return close_senseless(from, "request");
  if (refused) return refuse_request(from, type, header.request, revision);
  if (header.revision > revision) parts_.membership->heard_of(cluster_, header.revision);
  answer(effects);
}

bool Session::is_late_merge(const LinkInfo& from, std::uint16_t type, Revision asker) const {
  if (type != type_number(MessageType::merge)) return false;
  const ClusterMapPtr map = this->map();
  if (asker > map->revision) return false;  // the map that announced it has not come here yet
  const NodeRecord* node = map->find(from.node);
  return node == nullptr || node->state != NodeState::joining;
}

void Session::refuse_request(const LinkInfo& from, std::uint16_t type, std::uint64_t request, Revision revision) {
  send_refusal(from, type, {.request = request, .code = ReplyHeader::Code::wrong_node, .revision = revision});
}

void Session::send_refusal(const LinkInfo& from, std::uint16_t type, const ReplyHeader& header) {
  const std::string payload = encode_refusal(type, header);
  static_cast<void>(parts_.transport->reply(from.link, {reply_type(type), payload}));
}

bool Session::run_request(Slot& slot, const LinkInfo& from, std::uint16_t type, std::string_view payload,
                          replica::Effects& effects) {
  switch (static_cast<MessageType>(type)) {
    case MessageType::get: {
      const auto message = wire::decode_get(payload);
      if (!message || partition_of(message->key) != message->header.partition) return false;
      GetHandler handler = get_replier(from.link, message->header.request);
      if (auto outcome = slot.replica->get(message->key, handler, effects)) {
        effects.reads.push_back({std::move(handler), std::move(*outcome)});
      }
      return true;
    }
    case MessageType::write: {
      const auto message = wire::decode_write(payload);
      if (!message || partition_of(message->request.key) != message->header.partition) return false;
      WriteHandler handler = write_replier(from.link, message->header.request);
      if (refuses(message->header.partition, message->request)) {
        effects.writes.push_back({std::move(handler), {Errc::out_of_memory, {}}});
        return true;
      }
      note_written(slot, message->request.key, effects);
      if (auto outcome = slot.replica->write(message->request, message->precondition, parts_.scheduler->wall_ms(),
                                             handler, effects)) {
        effects.writes.push_back({std::move(handler), *outcome});
      }
      return true;
    }
    case MessageType::merge: {
      auto message = wire::decode_merge(payload);
      if (!message) return false;
      note_marks(message->batch.changes);
      slot.replica->merge(std::move(message->batch), done_replier(from.link, message->header.request), effects);
      return true;
    }
    case MessageType::drop_copies: {
      const auto message = wire::decode_drop_copies(payload);
      if (!message) return false;
      slot.replica->drop_copies(message->cluster, done_replier(from.link, message->header.request), effects);
      return true;
    }
    default:
      return false;
  }
}

// The repliers hold the transport, which outlives the session, and not the session. Where a reply cannot be sent the
// link is gone or is being closed: the asker is told that the connection broke.

GetHandler Session::get_replier(LinkId link, std::uint64_t request) {
  return [transport = parts_.transport, link, request](std::error_code error, std::optional<Entry> entry) {
    wire::GetReply reply{.header = reply_header(request, error)};
    if (entry) {
      reply.found = true;
      reply.version = entry->version;
      reply.value = entry->value.view();
    }
    const std::string_view payload = wire::encode_briefly(reply);
    static_cast<void>(transport->reply(link, {type_number(MessageType::get_reply), payload}));
  };
}

WriteHandler Session::write_replier(LinkId link, std::uint64_t request) {
  return [transport = parts_.transport, link, request](std::error_code error, WriteResult result) {
    const std::string_view payload = wire::encode_briefly(wire::WriteReply{reply_header(request, error), result});
    static_cast<void>(transport->reply(link, {type_number(MessageType::write_reply), payload}));
  };
}

replica::DoneHandler Session::done_replier(LinkId link, std::uint64_t request) {
  return [transport = parts_.transport, link, request](std::error_code error) {
    const std::string payload = wire::encode(wire::DoneReply{reply_header(request, error)});
    static_cast<void>(transport->reply(link, {type_number(MessageType::done_reply), payload}));
  };
}

void Session::expire_parked_requests(Instant now) {
  if (!has_parked_requests_.exchange(false)) return;
  for (PartitionId partition = 0; partition < partitions_; ++partition) {
    Slot& slot = this->slot(partition);
    std::vector<ParkedRequest> expired;
    {
      std::lock_guard lock(slot.mutex);
      if (slot.parked_requests.empty()) continue;
      const auto first = std::stable_partition(slot.parked_requests.begin(), slot.parked_requests.end(),
                                               [now](const ParkedRequest& request) { return request.expires > now; });
      std::move(first, slot.parked_requests.end(), std::back_inserter(expired));
      slot.parked_requests.erase(first, slot.parked_requests.end());
      if (!slot.parked_requests.empty()) has_parked_requests_ = true;
    }
    for (const ParkedRequest& request : expired) {
      const auto header = wire::decode_request_header(request.payload);
      send_refusal(request.from, request.type, reply_header(header->request, Errc::not_applied));
    }
  }
}

}  // namespace dht::node
