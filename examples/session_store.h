// SessionStore: web sessions in a hash table, so that every server of a site knows them. An example of a class on
// dht::Table; its tests are in session_store_test.cc.
//
// Thread rule: as for dht::Table.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <dht/table.h>

/// Errors of the table are thrown, as std::system_error.
class SessionStore {
 public:
  explicit SessionStore(dht::Table& table) : table_(table) {}

  /// Begins a session. False where that id is taken, by whichever server.
  bool begin(std::string_view id, std::string_view user) { return table_.compare_and_set(user_key(id), 0, user); }

  std::optional<std::string> user_of(std::string_view id) {
    const auto entry = table_.get(user_key(id));
    if (!entry) return std::nullopt;
    return std::string(entry->value.view());
  }

  /// Counts one visit and returns how many there were. Servers that count at the same moment try again, so that none
  /// is lost.
  int count_visit(std::string_view id) {
    for (;;) {
      const auto entry = table_.get(visits_key(id));
      const int visits = entry ? parse(entry->value.view()) + 1 : 1;
      if (table_.compare_and_set(visits_key(id), entry ? entry->version : 0, std::to_string(visits))) return visits;
    }
  }

  void end(std::string_view id) {
    table_.erase(user_key(id));
    table_.erase(visits_key(id));
  }

 private:
  // What is in braces decides about the partition: so a session is in one place.
  static std::string user_key(std::string_view id) { return "session:{" + std::string(id) + "}:user"; }
  static std::string visits_key(std::string_view id) { return "session:{" + std::string(id) + "}:visits"; }

  static int parse(std::string_view text) {
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }

  dht::Table& table_;
};
