#include "handlers/listing.h"

#include <memory>
#include <string>
#include <utility>

#include "handlers/table_errors.h"
#include "http/target.h"

namespace dhtd {
namespace {

constexpr std::size_t kPageBytes = 64u * 1024;

std::string lines(const dht::KeyPage& page) {
  std::string text;
  std::size_t size = 0;
  for (const std::string& key : page.keys)
    size += key.size() + 2;
  text.reserve(size);
  for (const std::string& key : page.keys) {
    http::append_listed_key(text, key);
    text.append("\r\n");
  }
  return text;
}

}  // namespace

void KeyListing::next(http::BodyPieceHandler handler) {
  admin_.list_keys(cursor_, kPageBytes,
                   [this, handler = std::move(handler)](std::error_code error, dht::KeyPage page) mutable {
                     if (error) return handler({{}, true, true});
                     cursor_ = page.next;
                     handler({lines(page), page.next.at_end, false});  // may be the end of this object
                   });
}

void send_listing(const ClusterAdmin& admin, http::Responder responder) {
  admin.list_keys({}, kPageBytes,
                  [&admin, responder = std::move(responder)](std::error_code error, dht::KeyPage page) mutable {
                    if (error) return send_failure(responder, describe_table_error(error));
                    std::string text = lines(page);
                    if (page.next.at_end) return responder.send({200, http::ContentType::text, 0, {}, text});
                    responder.stream(http::ContentType::text, {std::move(text), false, false},
                                     std::make_unique<KeyListing>(admin, page.next));
                  });
}

}  // namespace dhtd
