// ServerDouble: the router with its handlers over a FakeTable and a FakeAdmin, and a Wire to speak to it. HeldDouble:
// the same over a HeldTable.
//
// Thread rule: one thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <dht/testing/fake_table.h>

#include "fake_admin.h"
#include "handlers/router.h"
#include "held_table.h"
#include "wire.h"

namespace dhtd::testing {

template <typename TestTable>
struct ServerOver {
  explicit ServerOver(http::Limits its_limits = {}) : limits(its_limits) {}

  http::Limits limits;
  SharedServiceState state{ServiceState::serving};
  TestTable table;
  FakeAdmin admin;
  Router router{table, admin, limits, state};
  Wire wire{router, limits};

  std::string exchange(std::string_view bytes) { return wire.exchange(bytes); }
};
using ServerDouble = ServerOver<dht::testing::FakeTable>;
using HeldDouble = ServerOver<HeldTable>;

/// A request, with `more` header fields.
inline std::string get(int key, std::string_view more = {}) {
  return "GET /db/" + std::to_string(key) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
}

/// The number after "HTTP/1.1 ", as text: "200".
inline std::string status_of(std::string_view answer) {
  return std::string(answer.substr(0, 12).substr(std::min<std::size_t>(9, answer.size())));
}

/// What follows the blank line.
inline std::string body_of(std::string_view answer) {
  const auto blank = answer.find("\r\n\r\n");
  return blank == std::string_view::npos ? "no head" : std::string(answer.substr(blank + 4));
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The value of a header field, or nothing.
inline std::string field_of(std::string_view answer, std::string_view name) {
  const auto head = answer.substr(0, answer.find("\r\n\r\n") + 2);
  const std::string start = "\r\n" + std::string(name) + ": ";
  const auto at = head.find(start);
  if (at == std::string_view::npos) return {};
  const auto value = head.substr(at + start.size());
  return std::string(value.substr(0, value.find("\r\n")));
}

}  // namespace dhtd::testing
