#include "storage/record.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "base/assert.h"
#include "storage/memory_total.h"

namespace dht::storage {
namespace {

constexpr std::size_t kKeySizeOffset = 12;
constexpr std::size_t kValueSizeOffset = 16;
constexpr std::size_t kBlockStep = 8;

template <typename Word>
Word load(const char* at) noexcept {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

template <typename Word>
void store(char* at, Word word) noexcept {
  std::memcpy(at, &word, sizeof word);
}

void store(char* at, std::string_view bytes) noexcept {
  // An empty view may hold a null pointer, which memcpy does not take.
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
}

constexpr std::size_t position_size(std::size_t key_size) noexcept {
  return key_size >= Record::kLongKeyBytes ? sizeof(std::uint64_t) : 0;
}

}  // namespace

void Record::Deleter::operator()(Record* record) const noexcept {
  record->~Record();
  ::operator delete(record);
}

Record::Owner Record::make(const Contents& contents, std::uint64_t position) {
  DHT_ASSERT(contents.key.size() <= kMaxKeyBytes && contents.value.size() <= kMaxValueBytes);
  auto* record = ::new (::operator new(block_size(contents))) Record;
  record->overwrite(contents, position);
  return Owner(record);
}

bool Record::can_hold(const Contents& contents) const noexcept { return block_size(contents) == block_size(); }

void Record::overwrite(const Contents& contents, std::uint64_t position) noexcept {
  version_ = contents.version;
  flags_ = 0;
  if (contents.copy_of) flags_ |= kHasCopyOf;
  if (needs_wide(contents)) {
    flags_ |= kWide;
    store(block() + kKeySizeOffset, static_cast<std::uint32_t>(contents.key.size()));
    store(block() + kValueSizeOffset, static_cast<std::uint32_t>(contents.value.size()));
  } else {
    narrow_key_size_ = static_cast<std::uint8_t>(contents.key.size());
    narrow_value_size_ = static_cast<std::uint16_t>(contents.value.size());
  }
  if (contents.copy_of) store(block() + copy_of_offset(), contents.copy_of.value);
  if (contents.key.size() >= kLongKeyBytes) store(block() + position_offset(), position);
  store(block() + key_offset(), contents.key);
  store(block() + key_offset() + contents.key.size(), contents.value);
}

std::string_view Record::key() const noexcept { return {block() + key_offset(), key_size()}; }

std::string_view Record::value() const noexcept {
  const std::size_t key_bytes = key_size();
  return {block() + key_offset() + key_bytes, value_size()};
}

ClusterId Record::copy_of() const noexcept {
  if (!has_copy_of()) return {};
  return {load<std::uint64_t>(block() + copy_of_offset())};
}

std::optional<std::uint64_t> Record::stored_position() const noexcept {
  if (key_size() < kLongKeyBytes) return std::nullopt;
  return load<std::uint64_t>(block() + position_offset());
}

void Record::set_doomed(bool doomed) noexcept {
  flags_ = static_cast<std::uint8_t>(doomed ? flags_ | kDoomed : flags_ & ~kDoomed);
}

bool Record::needs_wide(const Contents& contents) noexcept {
  return contents.key.size() > std::numeric_limits<std::uint8_t>::max() ||
         contents.value.size() > std::numeric_limits<std::uint16_t>::max();
}

std::size_t Record::block_size(bool wide, bool has_copy_of, std::size_t key_size, std::size_t value_size) noexcept {
  const std::size_t exact = (wide ? kWideHeader : kNarrowHeader) + (has_copy_of ? sizeof(ClusterId) : 0) +
                            position_size(key_size) + key_size + value_size;
  // Allocators round up to their classes anyway; rounding here lets a slightly longer value stay in place.
  return std::max(sizeof(Record), (exact + kBlockStep - 1) / kBlockStep * kBlockStep);
}

std::size_t Record::block_size(const Contents& contents) noexcept {
  return block_size(needs_wide(contents), static_cast<bool>(contents.copy_of), contents.key.size(),
                    contents.value.size());
}

std::size_t Record::block_size() const noexcept { return block_size(wide(), has_copy_of(), key_size(), value_size()); }

std::size_t Record::memory_bytes() const noexcept { return memory_of_block(block_size()); }

std::size_t Record::key_size() const noexcept {
  return wide() ? load<std::uint32_t>(block() + kKeySizeOffset) : narrow_key_size_;
}

std::size_t Record::value_size() const noexcept {
  return wide() ? load<std::uint32_t>(block() + kValueSizeOffset) : narrow_value_size_;
}

std::size_t Record::key_offset() const noexcept { return position_offset() + position_size(key_size()); }

}  // namespace dht::storage
