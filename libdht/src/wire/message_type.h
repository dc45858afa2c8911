// The types of frames between nodes. Numbers are never given anew.
//
// Thread rule: plain values.
#pragma once

#include <cstdint>

namespace dht::wire {

enum class MessageType : std::uint16_t {
  // request lane: asked of a partition's primary
  get = 1,
  write = 2,
  merge = 3,
  drop_copies = 4,
  get_reply = 5,
  write_reply = 6,
  done_reply = 7,
  // replication lane
  stream_piece = 16,
  stream_ack = 17,
  // control lane
  call = 32,
  answer = 33,
};

}  // namespace dht::wire
