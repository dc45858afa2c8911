#include "wire/data.h"

#include <vector>

#include <dht/error.h>

#include "wire/fixed.h"

namespace dht::wire {
namespace {

constexpr std::size_t kRequestHeaderBytes = 24;
constexpr std::size_t kReplyHeaderBytes = 18;
/// The least that a change takes: so a false count cannot make us reserve much.
constexpr std::size_t kLeastChangeBytes = 25;

void put(FixedWriter& out, const RequestHeader& header) {
  out.put(header.request);
  out.put(header.deadline_ms);
  out.put(header.partition);
  out.put(header.revision);
}

RequestHeader get_request_header(FixedReader& in) {
  RequestHeader header;
  header.request = in.get<std::uint64_t>();
  header.deadline_ms = in.get<std::uint32_t>();
  header.partition = in.get<std::uint32_t>();
  header.revision = in.get<std::uint64_t>();
  return header;
}

void put(FixedWriter& out, const ReplyHeader& header) {
  out.put(header.request);
  out.put(header.code);
  out.put(header.error);
  out.put(header.revision);
}

ReplyHeader get_reply_header(FixedReader& in) {
  ReplyHeader header;
  header.request = in.get<std::uint64_t>();
  header.code = in.get_enum(ReplyHeader::Code::wrong_node);
  header.error = in.get<std::uint8_t>();
  header.revision = in.get<std::uint64_t>();
  const bool names_error = header.error > 0 && header.error <= static_cast<std::uint8_t>(kLastErrc);
  if (header.code == ReplyHeader::Code::failed && !names_error) in.fail();
  return header;
}

/// Every entry has a key of at least one byte.
std::string_view get_key(FixedReader& in) {
  const std::string_view key = in.get_bytes();
  if (key.empty()) in.fail();
  return key;
}

void put(FixedWriter& out, const std::vector<Change>& changes) {
  out.put(static_cast<std::uint32_t>(changes.size()));
  for (const Change& change : changes) {
    out.put(change.kind);
    out.put(change.version);
    out.put(change.copy_of.value);
    out.put_bytes(change.key);
    out.put_bytes(change.value);
  }
}

std::vector<Change> get_changes(FixedReader& in) {
  const auto count = in.get<std::uint32_t>();
  std::vector<Change> changes;
  if (count > in.left() / kLeastChangeBytes) {
    in.fail();
    return changes;
  }
  changes.reserve(count);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    Change& change = changes.emplace_back();
    change.kind = in.get_enum(StorageChange::Kind::erase);
    change.version = in.get<std::uint64_t>();
    change.copy_of.value = in.get<std::uint64_t>();
    change.key = in.get_bytes();
    change.value = in.get_bytes();
  }
  return changes;
}

void put(FixedWriter& out, const StreamId& stream) {
  out.put(stream.partition);
  out.put(stream.epoch);
  out.put(stream.since);
  out.put(stream.attempt);
}

StreamId get_stream(FixedReader& in) {
  StreamId stream;
  stream.partition = in.get<std::uint32_t>();
  stream.epoch = in.get<std::uint64_t>();
  stream.since = in.get<std::uint64_t>();
  stream.attempt = in.get<std::uint64_t>();
  return stream;
}

void put(FixedWriter& out, const std::vector<EpochStart>& starts) {
  out.put(static_cast<std::uint32_t>(starts.size()));
  for (const EpochStart& start : starts) {
    out.put(start.epoch);
    out.put(start.first);
  }
}

/// Ascending, as they are made.
std::vector<EpochStart> get_starts(FixedReader& in) {
  const auto count = in.get<std::uint32_t>();
  std::vector<EpochStart> starts;
  if (count > in.left() / sizeof(EpochStart)) {
    in.fail();
    return starts;
  }
  EpochStart before;
  for (std::uint32_t i = 0; i < count; ++i) {
    EpochStart& start = starts.emplace_back();
    start.epoch = in.get<std::uint64_t>();
    start.first = in.get<std::uint64_t>();
    if (start.epoch <= before.epoch || start.first <= before.first) in.fail();
    before = start;
  }
  return starts;
}

void put(FixedWriter& out, const std::vector<MergeMark>& marks) {
  out.put(static_cast<std::uint32_t>(marks.size()));
  for (const MergeMark& mark : marks) {
    out.put(mark.joiner.value);
    out.put(mark.number);
    out.put(mark.by);
  }
}

std::vector<MergeMark> get_marks(FixedReader& in) {
  const auto count = in.get<std::uint32_t>();
  std::vector<MergeMark> marks;
  if (count > in.left() / sizeof(MergeMark)) {
    in.fail();
    return marks;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    MergeMark& mark = marks.emplace_back();
    mark.joiner.value = in.get<std::uint64_t>();
    mark.number = in.get<std::uint64_t>();
    mark.by = in.get<std::uint64_t>();
  }
  return marks;
}

template <typename Message>
std::optional<Message> checked(Message message, const FixedReader& in) {
  if (!in.complete()) return std::nullopt;
  return message;
}

}  // namespace

std::error_code ReplyHeader::error_code() const {
  if (code == Code::done) return {};
  if (code == Code::wrong_node || error == 0) return Errc::not_applied;
  return static_cast<Errc>(error);
}

std::string encode(const GetMessage& message) {
  std::string bytes;
  bytes.reserve(kRequestHeaderBytes + 4 + message.key.size());
  FixedWriter out(bytes);
  put(out, message.header);
  out.put_bytes(message.key);
  return bytes;
}

std::string encode(const WriteMessage& message) {
  std::string bytes;
  bytes.reserve(kRequestHeaderBytes + 18 + message.request.key.size() + message.request.value.size());
  FixedWriter out(bytes);
  put(out, message.header);
  out.put(message.request.kind);
  out.put(message.precondition.kind);
  out.put(message.precondition.version);
  out.put_bytes(message.request.key);
  out.put_bytes(message.request.value);
  return bytes;
}

std::string encode(const MergeMessage& message) {
  std::string bytes;
  FixedWriter out(bytes);
  put(out, message.header);
  out.put(message.batch.joiner.value);
  out.put(message.batch.from.value);
  out.put(message.batch.number);
  put(out, message.batch.changes);
  out.put(message.batch.by);
  return bytes;
}

std::string encode(const DropCopiesMessage& message) {
  std::string bytes;
  FixedWriter out(bytes);
  put(out, message.header);
  out.put(message.cluster.value);
  return bytes;
}

std::string encode(const GetReply& message) {
  std::string bytes;
  bytes.reserve(kReplyHeaderBytes + 13 + message.value.size());
  FixedWriter out(bytes);
  put(out, message.header);
  out.put(static_cast<std::uint8_t>(message.found));
  out.put(message.version);
  out.put_bytes(message.value);
  return bytes;
}

std::string encode(const WriteReply& message) {
  std::string bytes;
  FixedWriter out(bytes);
  put(out, message.header);
  out.put(static_cast<std::uint8_t>(message.result.existed));
  out.put(message.result.version);
  return bytes;
}

std::string encode(const DoneReply& message) {
  std::string bytes;
  FixedWriter out(bytes);
  put(out, message.header);
  return bytes;
}

std::string encode(const StreamPiece& message) {
  std::string bytes;
  FixedWriter out(bytes);
  put(out, message.stream);
  out.put(message.index);
  out.put(message.start);
  out.put(message.seq);
  out.put(message.committed);
  out.put(message.last_version);
  put(out, message.starts);
  put(out, message.merges);
  put(out, message.changes);
  return bytes;
}

std::string encode(const StreamAck& message) {
  std::string bytes;
  FixedWriter out(bytes);
  put(out, message.stream);
  out.put(message.index);
  out.put(static_cast<std::uint8_t>(message.refused));
  out.put(static_cast<std::uint8_t>(message.position.has_value()));
  out.put(message.position ? message.position->epoch : 0);
  out.put(message.position ? message.position->seq : 0);
  return bytes;
}

std::optional<RequestHeader> decode_request_header(std::string_view bytes) {
  FixedReader in(bytes);
  const RequestHeader header = get_request_header(in);
  if (!in.ok()) return std::nullopt;
  return header;
}

std::optional<GetMessage> decode_get(std::string_view bytes) {
  FixedReader in(bytes);
  GetMessage message;
  message.header = get_request_header(in);
  message.key = get_key(in);
  return checked(message, in);
}

std::optional<WriteMessage> decode_write(std::string_view bytes) {
  FixedReader in(bytes);
  WriteMessage message;
  message.header = get_request_header(in);
  message.request.kind = in.get_enum(WriteRequest::Kind::erase);
  message.precondition.kind = in.get_enum(Precondition::Kind::version);
  message.precondition.version = in.get<std::uint64_t>();
  message.request.key = get_key(in);
  message.request.value = in.get_bytes();
  return checked(message, in);
}

std::optional<MergeMessage> decode_merge(std::string_view bytes) {
  FixedReader in(bytes);
  MergeMessage message;
  message.header = get_request_header(in);
  message.batch.joiner.value = in.get<std::uint64_t>();
  message.batch.from.value = in.get<std::uint64_t>();
  message.batch.number = in.get<std::uint64_t>();
  message.batch.changes = get_changes(in);
  message.batch.by = in.get<std::uint64_t>();
  return checked(std::move(message), in);
}

std::optional<DropCopiesMessage> decode_drop_copies(std::string_view bytes) {
  FixedReader in(bytes);
  DropCopiesMessage message;
  message.header = get_request_header(in);
  message.cluster.value = in.get<std::uint64_t>();
  if (!message.cluster) in.fail();
  return checked(message, in);
}

std::optional<GetReply> decode_get_reply(std::string_view bytes) {
  FixedReader in(bytes);
  GetReply message;
  message.header = get_reply_header(in);
  message.found = in.get<std::uint8_t>() != 0;
  message.version = in.get<std::uint64_t>();
  message.value = in.get_bytes();
  return checked(message, in);
}

std::optional<WriteReply> decode_write_reply(std::string_view bytes) {
  FixedReader in(bytes);
  WriteReply message;
  message.header = get_reply_header(in);
  message.result.existed = in.get<std::uint8_t>() != 0;
  message.result.version = in.get<std::uint64_t>();
  return checked(message, in);
}

std::optional<DoneReply> decode_done_reply(std::string_view bytes) {
  FixedReader in(bytes);
  DoneReply message;
  message.header = get_reply_header(in);
  return checked(message, in);
}

std::optional<StreamPiece> decode_stream_piece(std::string_view bytes) {
  FixedReader in(bytes);
  StreamPiece message;
  message.stream = get_stream(in);
  message.index = in.get<std::uint64_t>();
  message.start = in.get_enum(StreamStart::resume);
  message.seq = in.get<std::uint64_t>();
  message.committed = in.get<std::uint64_t>();
  message.last_version = in.get<std::uint64_t>();
  message.starts = get_starts(in);
  message.merges = get_marks(in);
  message.changes = get_changes(in);
  return checked(std::move(message), in);
}

std::optional<StreamAck> decode_stream_ack(std::string_view bytes) {
  FixedReader in(bytes);
  StreamAck message;
  message.stream = get_stream(in);
  message.index = in.get<std::uint64_t>();
  message.refused = in.get<std::uint8_t>() != 0;
  const bool has_position = in.get<std::uint8_t>() != 0;
  ReplicaPosition position;
  position.epoch = in.get<std::uint64_t>();
  position.seq = in.get<std::uint64_t>();
  if (has_position) message.position = position;
  return checked(message, in);
}

}  // namespace dht::wire
