#include "handlers/cluster.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <dht/peer_protocol.h>

#include "handlers/method_not_allowed.h"
#include "handlers/readiness.h"
#include "handlers/status_json.h"
#include "handlers/table_errors.h"
#include "http/target.h"
#include "http/text.h"

namespace dhtd {
namespace {

using http::ContentType;
using http::Field;
using http::Method;
using http::Responder;

constexpr unsigned one_of(auto... methods) noexcept { return ((1u << static_cast<unsigned>(methods)) | ...); }

const char* const kForgetUsage =
    "This takes the name of the member to give up, percent-encoded: POST /dht/forget?name=NAME. Nothing was changed.";
const char* const kRecoverUsage =
    "This is for the case that a majority of the voters is gone for good. It takes this node out of its cluster for "
    "ever: it stands alone, with the entries that it is primary for; entries of members that are gone are lost, and if "
    "the others live after all there are two tables that do not know of each other. If that is what you want: POST "
    "/dht/recover?force=true. Nothing was changed.";
const char* const kRecovered =
    "This node stands alone now, with the entries of which it had a copy. Recover the other survivors the same way, "
    "then join them to this one.\n";

http::Failure describe_forget_error(const dht::Status& status) {
  if (status.code == dht::Errc::invalid_argument) return {404, "no_such_member", status.message};
  return describe_cluster_error(status);
}

/// Answers with the sentence `done`, or with what went wrong.
dht::StatusHandler answer_with(Responder responder, std::string done, http::Failure (*describe)(const dht::Status&)) {
  return [responder = std::move(responder), done = std::move(done), describe](const dht::Status& status) mutable {
    if (status) return send_failure(responder, describe(status));
    responder.send({200, ContentType::text, 0, {}, done});
  };
}

}  // namespace

struct ClusterHandler::Route {
  std::string_view path;
  unsigned methods;
  std::string_view allow;
  void (ClusterHandler::*serve)(const http::Request& request, Responder responder);
};

const ClusterHandler::Route* ClusterHandler::find_route(std::string_view path) noexcept {
  using enum Method;
  static constexpr Route kRoutes[] = {
      {"/dht/peers", one_of(get, head), "Allow: GET, HEAD\r\n", &ClusterHandler::peers},
      {"/dht/status", one_of(get, head), "Allow: GET, HEAD\r\n", &ClusterHandler::status},
      {"/dht/safe-to-stop", one_of(get, head), "Allow: GET, HEAD\r\n", &ClusterHandler::safe_to_stop},
      {"/dht/join", one_of(post, put), "Allow: POST, PUT\r\n", &ClusterHandler::join},
      {"/dht/leave", one_of(get, post), "Allow: GET, POST\r\n", &ClusterHandler::leave},
      {"/dht/forget", one_of(post), "Allow: POST\r\n", &ClusterHandler::forget},
      {"/dht/recover", one_of(post), "Allow: POST\r\n", &ClusterHandler::recover},
      {dht::kPeerPath, one_of(get), "Allow: GET\r\n", &ClusterHandler::take_peer},
  };
  const auto* found = std::ranges::find(kRoutes, path, &Route::path);
  return found == std::end(kRoutes) ? nullptr : found;
}

/// A peer opens a connection with this one request and nothing before its answer.
void ClusterHandler::take_peer(const http::Request& request, Responder responder) {
  const bool asks = http::list_contains(request.field(Field::connection).value_or(""), "upgrade") &&
                    http::list_contains(request.field(Field::upgrade).value_or(""), dht::kPeerUpgrade);
  if (asks && request.keep_alive && !request.http_1_0 && request.body.empty()) return responder.upgrade();
  responder.fail({426, "upgrade_required", "This path is for the nodes of the cluster among themselves."},
                 "Connection: Upgrade\r\nUpgrade: dht/1\r\n");
}

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
  const Route* route = find_route(request.path);
  if (route == nullptr) return responder.fail({404, "no_such_route", "There is nothing at this path."});
  if ((route->methods & one_of(request.method)) == 0) return send_method_not_allowed(responder, route->allow);
  (this->*route->serve)(request, std::move(responder));
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

void ClusterHandler::leave(const http::Request&, Responder responder) {
  admin_.leave([responder = std::move(responder)](dht::Status status) mutable {
    if (!status) return responder.send({});
    send_failure(responder, describe_cluster_error(status));
  });
}

void ClusterHandler::forget(const http::Request& request, Responder responder) {
  const auto name = http::query_value(request.query, "name");
  if (!name || name->empty()) return responder.fail({400, "bad_request", kForgetUsage});
  admin_.forget(*name,
                answer_with(std::move(responder),
                            fmt::format("\"{}\" is forgotten. What it alone held begins again with nothing, at the "
                                        "other members.\n",
                                        *name),
                            describe_forget_error));
}

void ClusterHandler::recover(const http::Request& request, Responder responder) {
  if (http::query_value(request.query, "force") != "true") return responder.fail({400, "bad_request", kRecoverUsage});
  admin_.recover(answer_with(std::move(responder), kRecovered, describe_cluster_error));
}

void ClusterHandler::peers(const http::Request&, Responder responder) {
  std::string text;
  for (const std::string& name : admin_.peers())
    text.append(name).append("\r\n");
  responder.send({200, ContentType::text, 0, {}, text});
}

/// A node that stops is ready for nothing any more.
dht::NodeStatus ClusterHandler::current_status() const {
  auto status = admin_.status();
  status.ready = status.ready && state_.load(std::memory_order_acquire) == ServiceState::serving;
  return status;
}

void ClusterHandler::safe_to_stop(const http::Request&, Responder responder) {
  const std::string reason = why_not_safe_to_stop(current_status());
  if (!reason.empty()) return responder.fail({503, "not_safe_to_stop", reason});
  responder.send({200, ContentType::text, 0, {}, "safe\n"});
}

void ClusterHandler::status(const http::Request&, Responder responder) {
  responder.send({200, ContentType::json, 0, {}, to_json(current_status())});
}

}  // namespace dhtd
