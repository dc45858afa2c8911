#include "handlers/cluster.h"

#include <string>
#include <utility>

#include <dht/peer_protocol.h>

#include "handlers/method_not_allowed.h"
#include "handlers/status_json.h"
#include "handlers/table_errors.h"
#include "http/text.h"

namespace dhtd {
namespace {

using http::ContentType;
using http::Field;
using http::Method;
using http::Responder;

bool is_read(Method method) noexcept { return method == Method::get || method == Method::head; }

/// A peer opens a connection with this one request and nothing before its answer.
void take_peer(const http::Request& request, Responder responder) {
  if (request.method != Method::get) return send_method_not_allowed(responder, "Allow: GET\r\n");
  const bool asks = http::list_contains(request.field(Field::connection).value_or(""), "upgrade") &&
                    http::list_contains(request.field(Field::upgrade).value_or(""), dht::kPeerUpgrade);
  if (asks && request.keep_alive && !request.http_1_0 && request.body.empty()) return responder.upgrade();
  responder.fail({426, "upgrade_required", "This path is for the nodes of the cluster among themselves."},
                 "Connection: Upgrade\r\nUpgrade: dht/1\r\n");
}

}  // namespace

bool is_from_foreign_page(const http::Request& request) noexcept {
  const auto site = request.field(Field::sec_fetch_site);
  if (site && !http::equal_ignoring_case(*site, "same-origin") && !http::equal_ignoring_case(*site, "none"))
    return true;
  const auto origin = request.field(Field::origin);
  if (!origin) return false;
  const auto scheme_end = origin->find("://");
  if (scheme_end == std::string_view::npos) return true;
  return !http::equal_ignoring_case(origin->substr(scheme_end + 3), request.field(Field::host).value_or(""));
}

void ClusterHandler::handle(const http::Request& request, Responder responder) {
  if (is_from_foreign_page(request)) {
    return responder.fail({403, "forbidden", "Web pages of other sites may not speak to the cluster."});
  }
  const auto path = request.path;
  const auto method = request.method;
  if (path == "/dht/peers") {
    if (!is_read(method)) return send_method_not_allowed(responder, "Allow: GET, HEAD\r\n");
    return peers(std::move(responder));
  }
  if (path == "/dht/status") {
    if (!is_read(method)) return send_method_not_allowed(responder, "Allow: GET, HEAD\r\n");
    return status(std::move(responder));
  }
  if (path == "/dht/join") {
    if (method != Method::post && method != Method::put) {
      return send_method_not_allowed(responder, "Allow: POST, PUT\r\n");
    }
    return join(request, std::move(responder));
  }
  if (path == "/dht/leave") {
    if (method != Method::get && method != Method::post) {
      return send_method_not_allowed(responder, "Allow: GET, POST\r\n");
    }
    return leave(std::move(responder));
  }
  if (path == dht::kPeerPath) return take_peer(request, std::move(responder));
  responder.fail({404, "no_such_route", "There is nothing at this path."});
}

void ClusterHandler::join(const http::Request& request, Responder responder) {
  admin_.join(request.body, dht::JoinGoal::one_peer, [responder = std::move(responder)](dht::Status status) mutable {
    if (!status) return responder.send({});
    auto failure = describe_cluster_error(status);
    if (failure.status == 400) {
      failure.message += " (curl -d @FILE takes line ends away; --data-binary @FILE keeps them.)";
    }
    send_failure(responder, failure);
  });
}

void ClusterHandler::leave(Responder responder) {
  admin_.leave([responder = std::move(responder)](dht::Status status) mutable {
    if (!status) return responder.send({});
    send_failure(responder, describe_cluster_error(status));
  });
}

void ClusterHandler::peers(Responder responder) {
  std::string text;
  for (const std::string& name : admin_.peers())
    text.append(name).append("\r\n");
  responder.send({200, ContentType::text, 0, {}, text});
}

void ClusterHandler::status(Responder responder) {
  auto status = admin_.status();
  status.ready = status.ready && state_.load(std::memory_order_relaxed) == ServiceState::serving;
  responder.send({200, ContentType::json, 0, {}, to_json(status)});
}

}  // namespace dhtd
