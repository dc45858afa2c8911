#include <array>
#include <bit>
#include <cstddef>

#include <dht/partitioner.h>

namespace dht {

namespace {

/// tables[k][b] is the CRC of byte b followed by k zero bytes, so that eight bytes are done in one step ("slicing").
using CrcTables = std::array<std::array<std::uint16_t, 256>, 8>;

constexpr CrcTables make_crc_tables() {
  constexpr std::uint32_t kPolynomial = 0x1021;  // XMODEM
  CrcTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 0x8000) != 0 ? (crc << 1) ^ kPolynomial : crc << 1;
    tables[0][byte] = static_cast<std::uint16_t>(crc);
  }
  for (std::size_t zeros = 1; zeros < tables.size(); ++zeros) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = tables[zeros - 1][byte];
      tables[zeros][byte] = static_cast<std::uint16_t>((shorter << 8) ^ tables[0][shorter >> 8]);
    }
  }
  return tables;
}

constexpr CrcTables kCrc = make_crc_tables();

std::uint32_t crc16(std::string_view bytes) noexcept {
  const auto at = [&bytes](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  std::uint32_t crc = 0;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    crc =
        static_cast<std::uint32_t>(kCrc[7][at(0) ^ (crc >> 8)] ^ kCrc[6][at(1) ^ (crc & 0xff)] ^ kCrc[5][at(2)] ^
                                   kCrc[4][at(3)] ^ kCrc[3][at(4)] ^ kCrc[2][at(5)] ^ kCrc[1][at(6)] ^ kCrc[0][at(7)]);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i)
    crc = ((crc << 8) & 0xffff) ^ kCrc[0][at(i) ^ (crc >> 8)];
  return crc;
}

/// What is between the first '{' and the first '}' after it, or the whole key where there is nothing between them.
std::string_view hashed_part(std::string_view key) noexcept {
  const std::size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const std::size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

std::uint32_t hash_slot(std::string_view key) noexcept { return crc16(hashed_part(key)) % kHashSlots; }

bool is_valid_partition_count(std::uint32_t partitions) noexcept {
  return std::has_single_bit(partitions) && partitions <= kHashSlots;
}

PartitionId HashSlotPartitioner::partition_of(std::string_view key, std::uint32_t partitions) const noexcept {
  return hash_slot(key) * partitions / kHashSlots;
}

}  // namespace dht
