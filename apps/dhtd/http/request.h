// Request: one parsed HTTP request, as handlers see it.
//
// Thread rule: a plain value made of views into the input; valid only during the handler's call. A handler that answers
// later copies what it still needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dhtd::http {

enum class Method : std::uint8_t { get, head, put, post, del, other };

constexpr bool is_read(Method method) noexcept { return method == Method::get || method == Method::head; }

/// The header fields that mean something to us; all others are passed over.
enum class Field : std::uint8_t {
  connection,
  expect,
  host,
  if_match,
  if_none_match,
  origin,
  sec_fetch_site,
  transfer_encoding,
  upgrade,
};
inline constexpr std::size_t kFields = 9;

struct Request {
  Method method = Method::get;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool is_last = false;    ///< the client has said that it sends nothing more, and the request is whole
  std::string_view path;   ///< still percent-encoded
  std::string_view query;  ///< after the `?`
  std::string_view body;
  std::uint16_t present = 0;                       ///< one bit per Field
  std::array<std::string_view, kFields> fields{};  ///< without blanks around; empty where not present

  /// Nothing where the request does not have the field, which is not the same as an empty one.
  std::optional<std::string_view> field(Field name) const noexcept {
    const auto index = static_cast<unsigned>(name);
    if ((present & (1u << index)) == 0) return std::nullopt;
    return fields[index];
  }
};

}  // namespace dhtd::http
