// Tagged fields: the form of control messages and of the cluster map. A reader skips the tags that it does not know, so
// a later version may add fields and still be understood.
//
//   message = field*
//   field   = tag (varint, 1..2^32-1), length (varint), that many bytes
//
// What the bytes of a field are is for the message to say:
//   number   little-endian without its leading zeros, 0 to 8 bytes: a flag takes one byte, a random id eight
//   bytes    as they are
//   message  fields again
//   a list   the same tag once per element
// A single field that comes twice has the value of the last. A field that is missing keeps the reader's default; where
// it must be there, the message's own decoder says so.
//
//   TaggedWriter w;                          TaggedReader r(bytes);
//   w.put_u64(1, revision);                  while (r.next()) {
//   w.put_id(2, node);                         switch (r.tag()) {
//   w.put_bytes(3, name);                        case 1: m.revision = r.u64(); break;
//   for (auto p : partitions)                    case 2: m.node = r.id<NodeId>(); break;
//     w.put_u64(4, p);                           case 3: m.name = r.string(); break;
//   send(std::move(w).take());                   case 4: m.partitions.push_back(r.u32()); break;
//                                              }
//                                            }
//                                            if (!r.ok()) return std::nullopt;
//
// Thread rule: none of their own; use one object from one thread at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <dht/types.h>

namespace dht::wire {

/// Builds one message. Tags are 1 or more.
class TaggedWriter {
 public:
  void put_u64(std::uint32_t tag, std::uint64_t value);
  void put_bool(std::uint32_t tag, bool value) { put_u64(tag, value ? 1 : 0); }
  void put_bytes(std::uint32_t tag, std::string_view bytes);
  void put_message(std::uint32_t tag, const TaggedWriter& message) { put_bytes(tag, message.bytes_); }
  template <typename Tag>
  void put_id(std::uint32_t tag, Id<Tag> id) {
    put_u64(tag, id.value);
  }
  template <typename Enum>
  void put_enum(std::uint32_t tag, Enum value) {
    put_u64(tag, static_cast<std::uint64_t>(static_cast<std::underlying_type_t<Enum>>(value)));
  }

  std::string_view view() const noexcept { return bytes_; }
  /// Gives the message away and leaves an empty one.
  std::string take() && noexcept { return std::exchange(bytes_, {}); }

 private:
  std::string bytes_;
};

/// Reads one message, whatever the bytes are: it never reads past them, allocates nothing but `string()`, and the first
/// thing that is wrong ends the loop and stays: `ok()` is false from then on. Borrows the bytes.
class TaggedReader {
 public:
  explicit TaggedReader(std::string_view bytes) noexcept : rest_(bytes) {}

  /// Goes to the next field. False at the end and where the bytes are malformed.
  bool next() noexcept;
  std::uint32_t tag() const noexcept { return tag_; }

  // The present field in the form that its tag calls for. Where it has another form, a zero, and `ok()` turns false.

  std::uint64_t u64() noexcept;
  std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(number_up_to(0xffff'ffff)); }
  std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(number_up_to(0xffff)); }
  bool boolean() noexcept { return number_up_to(1) != 0; }
  template <typename IdType>
  IdType id() noexcept {
    return IdType{u64()};
  }
  /// An enumeration whose values run from 0 (or 1) to `last`.
  template <typename Enum>
  Enum enumeration(Enum last) noexcept {
    return static_cast<Enum>(number_up_to(static_cast<std::uint64_t>(last)));
  }
  /// Part of the message's bytes; valid as long as they are.
  std::string_view bytes() const noexcept { return field_; }
  std::string string() const { return std::string(field_); }
  /// A nested message. Its faults are its own: the caller asks `ok()` of it and passes them on by `fail()`.
  TaggedReader message() const noexcept { return TaggedReader(field_); }

  /// Ends the loop: the caller has found a field that makes no sense.
  void fail() noexcept;
  /// True while nothing wrong was found. The message is sound where it is true after the loop.
  bool ok() const noexcept { return ok_; }

 private:
  std::uint64_t number_up_to(std::uint64_t most) noexcept;

  std::string_view rest_;
  std::string_view field_;
  std::uint32_t tag_ = 0;
  bool ok_ = true;
};

}  // namespace dht::wire
