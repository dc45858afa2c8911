// The answer to a method that a route does not have.
//
// Thread rule: a pure function.
#pragma once

#include <string_view>

#include "http/responder.h"

namespace dhtd {

/// `allow` is the whole `Allow` line with its CR LF.
inline void send_method_not_allowed(http::Responder& responder, std::string_view allow) {
  responder.fail(
      {405, "method_not_allowed", "This path does not take this method; the Allow field names those it takes."}, allow);
}

}  // namespace dhtd
