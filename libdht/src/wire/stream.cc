#include "wire/stream.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "wire/fixed.h"

namespace dht::wire {
namespace {

/// As many as the number in front says, each by `get`. None where the bytes left could not hold them.
template <typename Element, typename Get>
std::vector<Element> get_list(FixedReader& in, Get get) {
  const auto count = in.get<std::uint32_t>();
  std::vector<Element> list;
  if (count > in.left() / sizeof(Element)) {
    in.fail();
    return list;
  }
  for (std::uint32_t i = 0; i < count; ++i)
    list.push_back(get(in));
  return list;
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
  EpochStart before;
  return get_list<EpochStart>(in, [&before](FixedReader& from) {
    EpochStart start;
    start.epoch = from.get<std::uint64_t>();
    start.first = from.get<std::uint64_t>();
    if (start.epoch <= before.epoch || start.first <= before.first) from.fail();
    before = start;
    return start;
  });
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

MergeMark get_mark(FixedReader& in) {
  MergeMark mark;
  mark.joiner.value = in.get<std::uint64_t>();
  mark.number = in.get<std::uint64_t>();
  mark.by = in.get<std::uint64_t>();
  return mark;
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

RangeDigest get_digest(FixedReader& in) {
  const ScanRange range = get_range(in);
  return {range, in.get<std::uint64_t>()};
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

}  // namespace

std::string encode(const StreamPiece& message) {
  return encode_fixed([&message](auto& out) { put(out, message); });
}

std::string encode(const StreamAck& message) {
  return encode_fixed([&message](auto& out) { put(out, message); });
}

std::string_view encode_briefly(const StreamPiece& message) {
  return encode_fixed_briefly([&message](auto& out) { put(out, message); });
}

std::string_view encode_briefly(const StreamAck& message) {
  return encode_fixed_briefly([&message](auto& out) { put(out, message); });
}

void peek_stream_piece(FixedReader& in, PartitionId& partition, std::string_view& key) noexcept {
  partition = get_stream(in).partition;
  in.skip(sizeof(std::uint64_t));  // index
  in.skip(sizeof(StreamStart));
  in.skip(3 * sizeof(std::uint64_t));                  // seq, committed, last_version
  in.skip(in.get<std::uint32_t>() * std::size_t{16});  // starts
  in.skip(in.get<std::uint32_t>() * std::size_t{24});  // merges
  if (get_change_count(in) != 0) key = get_change(in).key;
}

void peek_stream_ack(FixedReader& in, PartitionId& partition) noexcept { partition = get_stream(in).partition; }

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
  message.merges = get_list<MergeMark>(in, get_mark);
  message.changes = Changes::read(in);
  if (has_ranges(message.start)) message.ranges = get_list<RangeDigest>(in, get_digest);
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
    message.differing = get_list<ScanRange>(in, get_range);
  }
  return checked(std::move(message), in);
}

}  // namespace dht::wire
