#include "handlers/health.h"

#include "handlers/method_not_allowed.h"
#include "handlers/readiness.h"

namespace dhtd {
namespace {

constexpr std::string_view kLivePath = "/healthz";
constexpr std::string_view kReadyPath = "/readyz";

}  // namespace

bool HealthHandler::is_for(std::string_view path) noexcept { return path == kLivePath || path == kReadyPath; }

void HealthHandler::handle(const http::Request& request, http::Responder responder) const {
  if (!http::is_read(request.method)) return send_method_not_allowed(responder, "Allow: GET, HEAD\r\n");
  if (request.path == kLivePath) return responder.send({200, http::ContentType::text, 0, {}, "alive\n"});
  const std::string reason = why_not_ready(admin_, state_);
  if (reason.empty()) return responder.send({200, http::ContentType::text, 0, {}, "ready\n"});
  responder.send({503, http::ContentType::text, 0, "Retry-After: 1\r\n", reason + "\n"});
}

}  // namespace dhtd
