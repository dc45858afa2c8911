#include "http/text.h"

#include <algorithm>

namespace dhtd::http {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view take_item(std::string_view& list) noexcept {
  const auto comma = list.find(',');
  const auto item = trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return item;
}

bool list_contains(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    if (equal_ignoring_case(take_item(list), token)) return true;
  }
  return false;
}

}  // namespace dhtd::http
