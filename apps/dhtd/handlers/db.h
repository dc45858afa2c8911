// DbHandler: one entry of the table, `/db/<key>`.
//
// Thread rule: called from many threads at once; keeps no state of its own.
#pragma once

#include <string_view>

#include <dht/table.h>

#include "http/limits.h"
#include "http/responder.h"

namespace dhtd {

class DbHandler {
 public:
  /// Both must outlive the handler.
  DbHandler(dht::Table& table, const http::Limits& limits) noexcept : table_(table), limits_(limits) {}

  /// `encoded_key` is the path after "/db/".
  void handle(std::string_view encoded_key, const http::Request& request, http::Responder responder);

 private:
  void get(std::string_view key, const http::Request& request, http::Responder responder);
  void write(dht::WriteRequest::Kind kind, std::string_view key, const http::Request& request,
             http::Responder responder);

  dht::Table& table_;
  const http::Limits& limits_;
};

}  // namespace dhtd
