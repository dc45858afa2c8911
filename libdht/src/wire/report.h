// What nodes report: each of itself to the leader, and the leader of all of them to each. Parts of control messages
// (wire/control.h).
//
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>

#include <dht/membership.h>
#include <dht/storage.h>
#include <dht/types.h>

#include "wire/tagged.h"

namespace dht::wire {

struct MemberReport {
  NodeId node{};
  bool alive = false;
  StorageStatistics statistics{};
  bool is_full = false;

  bool operator==(const MemberReport&) const = default;
};

struct OperationReport {
  bool is_join = true;
  NodeId node{};
  std::string name{};
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::uint64_t milliseconds = 0;
  std::uint64_t bytes_done = 0;

  bool operator==(const OperationReport&) const = default;
};

TaggedWriter write(const NodeReport& report);
TaggedWriter write(const MemberReport& member);
TaggedWriter write(const OperationReport& operation);
/// False where the bytes are malformed.
bool read(TaggedReader r, NodeReport& report);
bool read(TaggedReader r, MemberReport& member);
bool read(TaggedReader r, OperationReport& operation);

}  // namespace dht::wire
