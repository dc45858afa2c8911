// The bytes of the stream between replicas: fixed little-endian fields (libdht/doc/wire_format.md). What they mean is
// in wire/replication.h.
//
// Thread rule: plain functions. Views in decoded messages borrow the bytes that were decoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <dht/types.h>

#include "wire/fixed.h"
#include "wire/replication.h"

namespace dht::wire {

std::string encode(const StreamPiece& message);
std::string encode(const StreamAck& message);
/// The same in memory of the calling thread, until its next call.
std::string_view encode_briefly(const StreamPiece& message);
std::string_view encode_briefly(const StreamAck& message);

/// Empty where the bytes are not exactly one such message.
std::optional<StreamPiece> decode_stream_piece(std::string_view bytes);
std::optional<StreamAck> decode_stream_ack(std::string_view bytes);

/// What one is about (see Subject), whatever the bytes are. The key of the first change, where there is one.
void peek_stream_piece(FixedReader& in, PartitionId& partition, std::string_view& key) noexcept;
void peek_stream_ack(FixedReader& in, PartitionId& partition) noexcept;

}  // namespace dht::wire
