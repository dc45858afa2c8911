// DbHandler: one entry of the table, `/db/<key>`.
//
// Thread rule: called from many threads at once; keeps no state of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <dht/table.h>

#include "cluster_admin.h"
#include "http/limits.h"
#include "http/responder.h"

namespace dhtd {

class DbHandler {
 public:
  /// All must outlive the handler.
  DbHandler(dht::Table& table, const ClusterAdmin& admin, const http::Limits& limits) noexcept
      : table_(table), admin_(admin), limits_(limits) {}

  /// `encoded_key` is the path after "/db/".
  void handle(std::string_view encoded_key, const http::Request& request, http::Responder responder);
  /// A hint: requests for these keys come next.
  void expect(std::span<const std::string_view> keys) { table_.expect(keys); }

 private:
  void get(std::string_view key, const http::Request& request, http::Responder responder);
  void write(dht::WriteRequest::Kind kind, std::string_view key, const http::Request& request,
             http::Responder responder);

  void send_error(http::Responder& responder, std::error_code error, std::uint32_t slot) const;
  void send_entry(http::Responder& responder, std::error_code error, const std::optional<dht::Entry>& entry,
                  std::uint32_t slot) const;

  dht::Table& table_;
  const ClusterAdmin& admin_;
  const http::Limits& limits_;
};

}  // namespace dhtd
