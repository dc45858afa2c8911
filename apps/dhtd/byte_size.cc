#include "byte_size.h"

#include <charconv>
#include <limits>
#include <system_error>

namespace dhtd {
namespace {

/// By how many bits the letter shifts a number; nothing where it is none of the three.
std::optional<unsigned> shift_of(char letter) noexcept {
  switch (letter) {
    case 'K':
    case 'k':
      return 10;
    case 'M':
    case 'm':
      return 20;
    case 'G':
    case 'g':
      return 30;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) noexcept {
  unsigned shift = 0;
  if (!text.empty()) {
    if (const auto by_letter = shift_of(text.back())) {
      shift = *by_letter;
      text.remove_suffix(1);
    }
  }
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed_to != end) return std::nullopt;
  if (number > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
  return number << shift;
}

}  // namespace dhtd
