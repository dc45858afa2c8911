#include "handlers/router.h"

#include <algorithm>
#include <array>
#include <utility>

#include "handlers/listing.h"
#include "handlers/method_not_allowed.h"
#include "handlers/table_errors.h"

namespace dhtd {
namespace {

constexpr std::string_view kEntryPrefix = "/db/";
constexpr std::string_view kClusterPrefix = "/dht/";

}  // namespace

void Router::handle(const http::Request& request, http::Responder responder) {
  if (HealthHandler::is_for(request.path)) return health_.handle(request, std::move(responder));
  if (state_.load(std::memory_order_acquire) == ServiceState::left) {
    return send_failure(responder, describe_table_error(dht::Errc::stopped));
  }
  if (request.path.starts_with(kEntryPrefix)) {
    return db_.handle(request.path.substr(kEntryPrefix.size()), request, std::move(responder));
  }
  if (request.path.starts_with(kClusterPrefix)) return cluster_.handle(request, std::move(responder));
  if (request.path != "/" && request.path != "/db") {
    return responder.fail({404, "no_such_route", "There is nothing at this path; entries are at /db/<key>."});
  }
  if (!http::is_read(request.method)) return send_method_not_allowed(responder, "Allow: GET, HEAD\r\n");
  if (request.path == "/") return responder.send({});
  send_listing(admin_, std::move(responder));
}

void Router::expect(std::span<const http::Request> requests) {
  std::array<std::string_view, http::kMostTogether> keys;
  std::size_t count = 0;
  for (const http::Request& request : requests.first(std::min(requests.size(), keys.size()))) {
    // A key that is encoded is looked for where it is not: that costs what the hint would have saved, and no more.
    if (request.path.starts_with(kEntryPrefix)) keys[count++] = request.path.substr(kEntryPrefix.size());
  }
  db_.expect(std::span(keys).first(count));
}

}  // namespace dhtd
