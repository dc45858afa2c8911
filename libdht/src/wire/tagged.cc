#include "wire/tagged.h"

#include "base/assert.h"
#include "wire/varint.h"

namespace dht::wire {

namespace {

void append_header(std::string& out, std::uint32_t tag, std::size_t length) {
  DHT_ASSERT(tag != 0);
  append_varint(out, tag);
  append_varint(out, length);
}

}  // namespace

void TaggedWriter::put_u64(std::uint32_t tag, std::uint64_t value) {
  char bytes[sizeof(value)];
  std::size_t length = 0;
  for (; value != 0; value >>= 8)
    bytes[length++] = static_cast<char>(value & 0xff);
  append_header(bytes_, tag, length);
  bytes_.append(bytes, length);
}

void TaggedWriter::put_bytes(std::uint32_t tag, std::string_view bytes) {
  append_header(bytes_, tag, bytes.size());
  bytes_.append(bytes);
}

bool TaggedReader::next() noexcept {
  if (!ok_ || rest_.empty()) {
    field_ = {};
    tag_ = 0;
    return false;
  }
  std::uint64_t tag = 0;
  std::uint64_t length = 0;
  if (!take_varint(rest_, tag) || tag == 0 || tag > std::numeric_limits<std::uint32_t>::max() ||
      !take_varint(rest_, length) || length > rest_.size()) {
    fail();
    return false;
  }
  tag_ = static_cast<std::uint32_t>(tag);
  field_ = rest_.substr(0, static_cast<std::size_t>(length));
  rest_.remove_prefix(field_.size());
  return true;
}

std::uint64_t TaggedReader::u64() noexcept { return number_up_to(std::numeric_limits<std::uint64_t>::max()); }

std::uint64_t TaggedReader::number_up_to(std::uint64_t most) noexcept {
  if (field_.size() > sizeof(std::uint64_t)) {
    fail();
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = field_.size(); i > 0; --i)
    value = value << 8 | static_cast<std::uint8_t>(field_[i - 1]);
  if (value > most) {
    fail();
    return 0;
  }
  return value;
}

void TaggedReader::fail() noexcept {
  ok_ = false;
  rest_ = {};
  field_ = {};
  tag_ = 0;
}

}  // namespace dht::wire
