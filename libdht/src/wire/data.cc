#include "wire/data.h"

#include <string>
#include <vector>

#include <dht/error.h>

#include "wire/fixed.h"
#include "wire/stream.h"

namespace dht::wire {
namespace {

/// Kind, kind of the precondition, version.
constexpr std::size_t kBytesBeforeWrittenKey = 10;

template <typename Out>
void put(Out& out, const RequestHeader& header) {
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

template <typename Out>
void put(Out& out, const ReplyHeader& header) {
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

template <typename Out>
void put(Out& out, const std::vector<Change>& changes) {
  out.put(static_cast<std::uint32_t>(changes.size()));
  for (const Change& change : changes)
    put(out, view_of(change));
}

std::vector<Change> get_changes(FixedReader& in) {
  const std::uint32_t count = get_change_count(in);
  std::vector<Change> changes;
  changes.reserve(count);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const StorageChange change = get_change(in);
    changes.push_back(
        {change.kind, std::string(change.key), std::string(change.value), change.version, change.copy_of});
  }
  return changes;
}

template <typename Out>
void put(Out& out, const GetMessage& message) {
  put(out, message.header);
  out.put_bytes(message.key);
}

template <typename Out>
void put(Out& out, const WriteMessage& message) {
  put(out, message.header);
  out.put(message.request.kind);
  out.put(message.precondition.kind);
  out.put(message.precondition.version);
  out.put_bytes(message.request.key);
  out.put_bytes(message.request.value);
}

template <typename Out>
void put(Out& out, const MergeMessage& message) {
  put(out, message.header);
  out.put(message.batch.joiner.value);
  out.put(message.batch.from.value);
  out.put(message.batch.number);
  put(out, message.batch.changes);
  out.put(message.batch.by);
}

template <typename Out>
void put(Out& out, const DropCopiesMessage& message) {
  put(out, message.header);
  out.put(message.cluster.value);
}

template <typename Out>
void put(Out& out, const GetReply& message) {
  put(out, message.header);
  out.put(static_cast<std::uint8_t>(message.found));
  out.put(message.version);
  out.put_bytes(message.value);
}

template <typename Out>
void put(Out& out, const WriteReply& message) {
  put(out, message.header);
  out.put(static_cast<std::uint8_t>(message.result.existed));
  out.put(message.result.version);
}

template <typename Out>
void put(Out& out, const DoneReply& message) {
  put(out, message.header);
}

template <typename Message>
std::string encoded(const Message& message) {
  return encode_fixed([&message](auto& out) { put(out, message); });
}

template <typename Message>
std::string_view encoded_briefly(const Message& message) {
  return encode_fixed_briefly([&message](auto& out) { put(out, message); });
}

}  // namespace

std::error_code ReplyHeader::error_code() const {
  if (code == Code::done) return {};
  if (code == Code::wrong_node || error == 0) return Errc::not_applied;
  return static_cast<Errc>(error);
}

std::string encode(const GetMessage& message) { return encoded(message); }
std::string encode(const WriteMessage& message) { return encoded(message); }
std::string encode(const MergeMessage& message) { return encoded(message); }
std::string encode(const DropCopiesMessage& message) { return encoded(message); }
std::string encode(const GetReply& message) { return encoded(message); }
std::string encode(const WriteReply& message) { return encoded(message); }
std::string encode(const DoneReply& message) { return encoded(message); }

std::string_view encode_briefly(const GetReply& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const WriteReply& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const GetMessage& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const WriteMessage& message) { return encoded_briefly(message); }

std::optional<Subject> peek_subject(std::uint16_t type, std::string_view bytes) noexcept {
  FixedReader in(bytes);
  Subject subject;
  switch (static_cast<MessageType>(type)) {
    case MessageType::get:
      subject.partition = get_request_header(in).partition;
      subject.key = in.get_bytes();
      break;
    case MessageType::write:
      subject.partition = get_request_header(in).partition;
      in.skip(kBytesBeforeWrittenKey);
      subject.key = in.get_bytes();
      break;
    case MessageType::stream_piece:
      peek_stream_piece(in, subject.partition, subject.key);
      break;
    case MessageType::stream_ack:
      peek_stream_ack(in, subject.partition);
      break;
    default:
      return std::nullopt;
  }
  if (!in.ok()) return std::nullopt;
  return subject;
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

}  // namespace dht::wire
