#include "http/failure.h"

#include <nlohmann/json.hpp>

namespace dhtd::http {

std::string to_json(const Failure& failure) {
  nlohmann::ordered_json json;
  json["error"] = std::string(failure.code);
  json["message"] = failure.message;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace dhtd::http
