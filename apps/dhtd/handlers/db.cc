#include "handlers/db.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include <dht/partitioner.h>

#include "handlers/etag.h"
#include "handlers/method_not_allowed.h"
#include "handlers/readiness.h"
#include "handlers/table_errors.h"
#include "http/target.h"

namespace dhtd {
namespace {

using http::ContentType;
using http::Field;
using http::Method;
using http::Responder;

}  // namespace

void DbHandler::send_error(Responder& responder, std::error_code error, std::uint32_t slot) const {
  auto failure = describe_table_error(error);
  if (error == dht::Errc::not_applied) failure.message = why_not_applied(admin_, slot);
  send_failure(responder, failure);
}

void DbHandler::send_entry(Responder& responder, std::error_code error, const std::optional<dht::Entry>& entry,
                           std::uint32_t slot) const {
  if (error) return send_error(responder, error, slot);
  if (!entry) return responder.send({200, ContentType::bytes, 0, {}, {}});
  responder.send({200, ContentType::bytes, entry->version, {}, entry->value.view()});
}

void DbHandler::handle(std::string_view encoded_key, const http::Request& request, Responder responder) {
  std::string space;
  const auto key = http::percent_decode(encoded_key, space);
  if (!key) return responder.fail({400, "bad_request", "A % in the key is not followed by two hexadecimal digits."});
  if (key->empty()) return responder.fail({400, "bad_request", "The key is empty."});
  if (key->size() > limits_.max_key_bytes) {
    return responder.fail({414, "key_too_long",
                           fmt::format("The key is over the limit of {} bytes (option "
                                       "--max-key-bytes).",
                                       limits_.max_key_bytes)});
  }
  if (has_empty_condition(request)) {
    return responder.fail(
        {400, "bad_request", "If-Match and If-None-Match take * or entity tags; one of them is empty."});
  }
  switch (request.method) {
    case Method::get:
    case Method::head:
      return get(*key, request, std::move(responder));
    case Method::put:
    case Method::post:
      return write(dht::WriteRequest::Kind::put, *key, request, std::move(responder));
    case Method::del:
      return write(dht::WriteRequest::Kind::erase, *key, request, std::move(responder));
    case Method::other:
      return send_method_not_allowed(responder, "Allow: GET, HEAD, PUT, POST, DELETE\r\n");
  }
}

void DbHandler::get(std::string_view key, const http::Request& request, Responder responder) {
  const auto if_none_match = request.field(Field::if_none_match);
  // Kept instead of the key, so that the handler needs no memory of its own.
  const std::uint32_t slot = dht::hash_slot(key);
  if (!if_none_match) {
    table_.get(key, [this, slot, responder = std::move(responder)](std::error_code error,
                                                                   std::optional<dht::Entry> entry) mutable {
      send_entry(responder, error, entry, slot);
    });
    return;
  }
  table_.get(key, [this, slot, responder = std::move(responder), known = std::string(*if_none_match)](
                      std::error_code error, std::optional<dht::Entry> entry) mutable {
    if (!error && entry && is_known_to_reader(known, entry->version)) {
      return responder.send({304, ContentType::none, entry->version, {}, {}});
    }
    send_entry(responder, error, entry, slot);
  });
}

void DbHandler::write(dht::WriteRequest::Kind kind, std::string_view key, const http::Request& request,
                      Responder responder) {
  const auto condition = write_precondition(request);
  if (const auto* failure = std::get_if<http::Failure>(&condition)) return responder.fail(*failure);
  dht::WriteOptions options;
  options.precondition = std::get<dht::Precondition>(condition);
  auto done = [this, slot = dht::hash_slot(key), responder = std::move(responder)](std::error_code error,
                                                                                   dht::WriteResult result) mutable {
    if (error) return send_error(responder, error, slot);
    responder.send({200, ContentType::none, result.version, {}, {}});
  };
  if (kind == dht::WriteRequest::Kind::put) {
    table_.put(key, request.body, options, std::move(done));
  } else {
    table_.erase(key, options, std::move(done));
  }
}

}  // namespace dhtd
