// Data messages: what a node asks of a partition's primary for its clients. Fixed little-endian fields
// (libdht/doc/wire_format.md).
//
// Thread rule: plain values. Views in decoded messages borrow the bytes that were decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <dht/entry.h>
#include <dht/table.h>
#include <dht/types.h>

#include "wire/message_type.h"
#include "wire/replication.h"

namespace dht::wire {

struct RequestHeader {
  std::uint64_t request = 0;      ///< the asker's number, repeated in the reply
  std::uint32_t deadline_ms = 0;  ///< what is left of it; the primary holds the request no longer
  PartitionId partition = 0;
  Revision revision = 0;  ///< of the map that the asker routed by

  bool operator==(const RequestHeader&) const = default;
};

struct GetMessage {
  RequestHeader header{};
  std::string_view key{};
};

struct WriteMessage {
  RequestHeader header{};
  WriteRequest request{};
  Precondition precondition{};
};

struct MergeMessage {
  RequestHeader header{};
  MergeBatch batch{};
};

struct DropCopiesMessage {
  RequestHeader header{};
  ClusterId cluster{};
};

struct ReplyHeader {
  /// How it ended. `wrong_node`: the receiver is not primary by a map of `revision`; certainly nothing was done.
  enum class Code : std::uint8_t { done, failed, wrong_node };
  std::uint64_t request = 0;
  Code code = Code::done;
  std::uint8_t error = 0;  ///< an Errc, where the code is `failed`
  Revision revision = 0;   ///< of the receiver's map

  std::error_code error_code() const;
  bool operator==(const ReplyHeader&) const = default;
};

struct GetReply {
  ReplyHeader header{};
  bool found = false;
  Version version = 0;
  std::string_view value{};
};

struct WriteReply {
  ReplyHeader header{};
  WriteResult result{};
};

struct DoneReply {
  ReplyHeader header{};
};

std::string encode(const GetMessage& message);
std::string encode(const WriteMessage& message);
std::string encode(const MergeMessage& message);
std::string encode(const DropCopiesMessage& message);
std::string encode(const GetReply& message);
std::string encode(const WriteReply& message);
std::string encode(const DoneReply& message);

// The same for those of which there are many, where the bytes are needed for a moment only: they lie in memory of the
// calling thread until its next call of these.

std::string_view encode_briefly(const GetMessage& message);
std::string_view encode_briefly(const WriteMessage& message);
std::string_view encode_briefly(const GetReply& message);
std::string_view encode_briefly(const WriteReply& message);

/// What a message is about, for fetching that before the message is looked at: whatever the bytes are.
struct Subject {
  PartitionId partition = 0;
  std::string_view key{};  ///< empty where it names none; the first of several
};
/// Of a get, a write, a stream's piece or its acknowledgement.
std::optional<Subject> peek_subject(std::uint16_t type, std::string_view bytes) noexcept;

// Empty where the bytes are not exactly one such message.

/// The header that every request begins with.
std::optional<RequestHeader> decode_request_header(std::string_view bytes);
std::optional<GetMessage> decode_get(std::string_view bytes);
std::optional<WriteMessage> decode_write(std::string_view bytes);
std::optional<MergeMessage> decode_merge(std::string_view bytes);
std::optional<DropCopiesMessage> decode_drop_copies(std::string_view bytes);
std::optional<GetReply> decode_get_reply(std::string_view bytes);
std::optional<WriteReply> decode_write_reply(std::string_view bytes);
std::optional<DoneReply> decode_done_reply(std::string_view bytes);

}  // namespace dht::wire
