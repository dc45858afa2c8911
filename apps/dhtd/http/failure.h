// Failure: a request that got no further, as the client is told.
//
// Thread rule: a plain value.
#pragma once

#include <string>
#include <string_view>

namespace dhtd::http {

struct Failure {
  unsigned status = 400;
  std::string_view code;  ///< short and stable, for programs; a literal
  std::string message;    ///< a sentence, for people
};

/// `{"error": CODE, "message": SENTENCE}`; bytes of the message that are no UTF-8 are replaced.
std::string to_json(const Failure& failure);

}  // namespace dhtd::http
