// Small pure functions on the text of HTTP: letter case, blanks, comma lists.
//
// Thread rule: pure functions.
#pragma once

#include <string_view>

namespace dhtd::http {

/// ASCII only, as HTTP compares names and tokens.
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Without the spaces and tabs around.
std::string_view trim(std::string_view text) noexcept;

/// Takes the first item off a comma-separated list: returns it trimmed and leaves the rest in `list`.
std::string_view take_item(std::string_view& list) noexcept;

/// True where one item of the list is `token`, in any letter case.
bool list_contains(std::string_view list, std::string_view token) noexcept;

}  // namespace dhtd::http
