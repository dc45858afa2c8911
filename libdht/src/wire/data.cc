#include "wire/data.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <dht/error.h>

#include "wire/fixed.h"

namespace dht::wire {
namespace {

/// Kind, kind of the precondition, version.
constexpr std::size_t kBytesBeforeWrittenKey = 10;
/// Of memory for bytes that are needed for a moment, per thread.
constexpr std::size_t kLeastKept = 4 * 1024;
constexpr std::size_t kMostKept = 256 * 1024;

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
void put(Out& out, const StreamId& stream) {
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

template <typename Out>
void put(Out& out, const std::vector<EpochStart>& starts) {
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

template <typename Out>
void put(Out& out, const std::vector<MergeMark>& marks) {
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

template <typename Out>
void put(Out& out, const ScanRange& range) {
  out.put(range.from);
  out.put(range.to);
}

/// One that holds nothing makes no sense.
ScanRange get_range(FixedReader& in) {
  ScanRange range;
  range.from = in.get<ScanCursor>();
  range.to = in.get<ScanCursor>();
  if (range.from >= range.to) in.fail();
  return range;
}

std::vector<RangeDigest> get_digests(FixedReader& in) {
  const auto count = in.get<std::uint32_t>();
  std::vector<RangeDigest> ranges;
  if (count > in.left() / sizeof(RangeDigest)) {
    in.fail();
    return ranges;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const ScanRange range = get_range(in);
    ranges.push_back({range, in.get<std::uint64_t>()});
  }
  return ranges;
}

std::vector<ScanRange> get_ranges(FixedReader& in) {
  const auto count = in.get<std::uint32_t>();
  std::vector<ScanRange> ranges;
  if (count > in.left() / sizeof(ScanRange)) {
    in.fail();
    return ranges;
  }
  for (std::uint32_t i = 0; i < count; ++i)
    ranges.push_back(get_range(in));
  return ranges;
}

/// Only these carry ranges; all others end before.
bool has_ranges(StreamStart start) { return start == StreamStart::digests || start == StreamStart::replace; }

template <typename Out>
void put(Out& out, const StreamPiece& message) {
  put(out, message.stream);
  out.put(message.index);
  out.put(message.start);
  out.put(message.seq);
  out.put(message.committed);
  out.put(message.last_version);
  put(out, message.starts);
  put(out, message.merges);
  out.put_raw(message.changes.encoded());
  if (!has_ranges(message.start)) return;
  out.put(static_cast<std::uint32_t>(message.ranges.size()));
  for (const RangeDigest& one : message.ranges) {
    put(out, one.range);
    out.put(one.digest);
  }
}

template <typename Out>
void put(Out& out, const StreamAck& message) {
  put(out, message.stream);
  out.put(message.index);
  out.put(static_cast<std::uint8_t>(message.refused));
  out.put(static_cast<std::uint8_t>(message.position.has_value()));
  out.put(message.position ? message.position->epoch : Epoch{0});
  out.put(message.position ? message.position->seq : std::uint64_t{0});
  if (!message.position && message.differing.empty()) return;
  out.put(message.scan_order);
  out.put(static_cast<std::uint32_t>(message.differing.size()));
  for (const ScanRange& range : message.differing)
    put(out, range);
}

template <typename Message>
std::string encoded(const Message& message) {
  return encode_fixed([&message](auto& out) { put(out, message); });
}

template <typename Message>
std::string_view encoded_briefly(const Message& message) {
  thread_local std::unique_ptr<char[]> memory;
  thread_local std::size_t capacity = 0;
  FixedCounter counter;
  put(counter, message);
  const std::size_t size = counter.size();
  if (size > capacity || capacity > kMostKept) {
    capacity = std::max(size, kLeastKept);
    memory = std::make_unique_for_overwrite<char[]>(capacity);
  }
  FixedWriter out(memory.get(), size);
  put(out, message);
  DHT_ASSERT(out.left() == 0);
  return {memory.get(), size};
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

std::string encode(const GetMessage& message) { return encoded(message); }
std::string encode(const WriteMessage& message) { return encoded(message); }
std::string encode(const MergeMessage& message) { return encoded(message); }
std::string encode(const DropCopiesMessage& message) { return encoded(message); }
std::string encode(const GetReply& message) { return encoded(message); }
std::string encode(const WriteReply& message) { return encoded(message); }
std::string encode(const DoneReply& message) { return encoded(message); }
std::string encode(const StreamPiece& message) { return encoded(message); }
std::string encode(const StreamAck& message) { return encoded(message); }

std::string_view encode_briefly(const GetReply& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const WriteReply& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const StreamPiece& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const StreamAck& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const GetMessage& message) { return encoded_briefly(message); }
std::string_view encode_briefly(const WriteMessage& message) { return encoded_briefly(message); }

namespace {

Subject peek_piece(FixedReader& in) noexcept {
  Subject subject{.partition = get_stream(in).partition};
  in.skip(sizeof(std::uint64_t));  // index
  in.skip(sizeof(StreamStart));
  in.skip(3 * sizeof(std::uint64_t));                  // seq, committed, last_version
  in.skip(in.get<std::uint32_t>() * std::size_t{16});  // starts
  in.skip(in.get<std::uint32_t>() * std::size_t{24});  // merges
  if (get_change_count(in) != 0) subject.key = get_change(in).key;
  return subject;
}

}  // namespace

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
      subject = peek_piece(in);
      break;
    case MessageType::stream_ack:
      subject.partition = get_stream(in).partition;
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

std::optional<StreamPiece> decode_stream_piece(std::string_view bytes) {
  FixedReader in(bytes);
  StreamPiece message;
  message.stream = get_stream(in);
  message.index = in.get<std::uint64_t>();
  message.start = in.get_enum(StreamStart::replace);
  message.seq = in.get<std::uint64_t>();
  message.committed = in.get<std::uint64_t>();
  message.last_version = in.get<std::uint64_t>();
  message.starts = get_starts(in);
  message.merges = get_marks(in);
  message.changes = Changes::read(in);
  if (has_ranges(message.start)) message.ranges = get_digests(in);
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
  if (in.ok() && in.left() > 0) {
    message.scan_order = in.get<std::uint64_t>();
    message.differing = get_ranges(in);
  }
  return checked(std::move(message), in);
}

}  // namespace dht::wire
