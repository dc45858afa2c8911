// CRC32C (Castagnoli): the checksum of frames. Polynomial 0x1EDC6F41, reflected, as in RFC 3720 (iSCSI), appendix B.4.
//
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace dht::base {

/// The checksum of what `crc` is the checksum of, followed by `bytes`. Start with zero. Uses the processor's own
/// instruction where it has one.
std::uint32_t extend_crc32c(std::uint32_t crc, std::string_view bytes) noexcept;

inline std::uint32_t crc32c(std::string_view bytes) noexcept { return extend_crc32c(0, bytes); }

/// The same by tables, on any processor.
std::uint32_t extend_crc32c_by_table(std::uint32_t crc, std::string_view bytes) noexcept;

}  // namespace dht::base
