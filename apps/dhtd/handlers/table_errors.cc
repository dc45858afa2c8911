#include "handlers/table_errors.h"

namespace dhtd {

http::Failure describe_table_error(std::error_code error) {
  if (error == dht::Errc::not_applied) {
    return {503, "not_applied", "The request was not carried out and may be sent again: no primary took it in time."};
  }
  if (error == dht::Errc::overloaded) {
    return {503, "overloaded", "The request was not carried out and may be sent again: too many are under way."};
  }
  if (error == dht::Errc::stopped) {
    return {503, "stopped", "The request was not carried out: this node is stopping. Another member will take it."};
  }
  if (error == dht::Errc::cancelled) {
    return {503, "cancelled", "The request was given up before it was carried out, and may be sent again."};
  }
  if (error == dht::Errc::outcome_unknown) {
    return {504, "outcome_unknown", "The write was on its way when the connection broke: it was done or not done."};
  }
  if (error == dht::Errc::precondition_failed) {
    return {412, "precondition_failed", "The entry is not in the state that the request demands; nothing was changed."};
  }
  if (error == dht::Errc::out_of_memory) {
    return {507, "out_of_memory",
            "The value was not stored: a member that would keep it is at its limit of memory (option --max-memory). "
            "Nothing was changed, and reads and deletes go on. Delete entries, add members or raise the limit."};
  }
  if (error == dht::Errc::too_large) return {413, "too_large", "The key or the value is over its limit."};
  if (error == dht::Errc::invalid_argument) return {400, "invalid_argument", "The request makes no sense."};
  return {500, "internal", "The request failed: " + error.message() + "."};
}

http::Failure describe_cluster_error(const dht::Status& status) {
  const auto failure = [&](unsigned http_status, std::string_view code) {
    return http::Failure{http_status, code, status.message.empty() ? status.code.message() : status.message};
  };
  if (status.code == dht::Errc::invalid_argument) return failure(400, "invalid_argument");
  if (status.code == dht::Errc::conflict) return failure(409, "conflict");
  if (status.code == dht::Errc::incompatible) return failure(409, "incompatible");
  if (status.code == dht::Errc::unreachable) return failure(503, "unreachable");
  if (status.code == dht::Errc::not_applied) return failure(503, "not_applied");
  if (status.code == dht::Errc::overloaded) return failure(503, "overloaded");
  if (status.code == dht::Errc::cancelled) return failure(503, "cancelled");
  if (status.code == dht::Errc::stopped) return failure(503, "stopped");
  if (status.code == dht::Errc::outcome_unknown) return failure(504, "outcome_unknown");
  return failure(500, "internal");
}

void send_failure(http::Responder& responder, const http::Failure& failure) {
  responder.fail(failure, failure.status == 503 ? "Retry-After: 1\r\n" : "");
}

}  // namespace dhtd
