// Sizes as an operator writes them: 1048576, 1024K, 1M.
//
// Thread rule: a pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dhtd {

/// Bytes, or with K, M or G (or k, m, g) behind the number so many times 1024, 1024^2 or 1024^3. Empty where the text
/// is something else or the number is too large.
std::optional<std::uint64_t> parse_byte_size(std::string_view text) noexcept;

}  // namespace dhtd
