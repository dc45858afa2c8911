#include "support/roaming_client.h"

#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace dht::integration {
namespace {

constexpr std::size_t kKeys = 200;

/// Of requests that may be done twice, as those of this client may.
bool may_ask_another(const std::system_error& error, const HttpClient& http) {
  if (error.code() == std::errc::connection_refused) return true;
  const bool is_closed = error.code() == std::errc::connection_reset || error.code() == std::errc::broken_pipe;
  return is_closed && http.was_reused() && !http.has_part_of_answer();
}

}  // namespace

RoamingClient::RoamingClient(int number, std::vector<Endpoint> nodes)
    : number_(number),
      nodes_(std::move(nodes)),
      random_(static_cast<std::uint64_t>(number)),
      thread_([this] { run(); }) {}

std::string RoamingClient::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return trouble_;
}

void RoamingClient::run() {
  while (!stopping_ && trouble_.empty()) {
    try {
      trouble_ = step();
    } catch (const std::exception& error) {
      trouble_ = error.what();
    }
    ++operations_;
  }
  if (!trouble_.empty()) trouble_ = fmt::format("client {}, operation {}: {}", number_, operations_.load(), trouble_);
}

std::string RoamingClient::step() {
  const std::string key = fmt::format("roaming{}-{}", number_, random_() % kKeys);
  const std::uint64_t choice = random_() % 10;
  const auto known = expected_.find(key);
  const std::string wanted = known == expected_.end() ? "" : known->second;
  Response response;
  if (choice < 5) {
    response = request("GET", key, "");
    if (response.status == 200 && response.body != wanted)
      return fmt::format("GET {} gave '{}', not '{}'", key, response.body, wanted);
  } else if (choice < 9) {
    const std::string value = fmt::format("{} of {}", operations_.load(), number_);
    response = request("PUT", key, value);
    expected_[key] = value;
  } else {
    response = request("DELETE", key, "");
    expected_.erase(key);
  }
  return response.status == 200 ? "" : fmt::format("{} was answered with {} {}", key, response.status, response.body);
}

Response RoamingClient::request(std::string_view method, const std::string& key, const std::string& value) {
  const std::size_t first = random_() % nodes_.size();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (auto response = try_at((first + i) % nodes_.size(), method, key, value)) return *std::move(response);
    ++moved_on_;
  }
  throw std::runtime_error("no node takes a request");
}

/// Nothing where another node may be asked.
std::optional<Response> RoamingClient::try_at(std::size_t node, std::string_view method, const std::string& key,
                                              const std::string& value) {
  HttpClient& http = connections_.try_emplace(node, nodes_[node]).first->second;
  try {
    return http.request(method, db(key), value);
  } catch (const std::system_error& error) {
    if (!may_ask_another(error, http))
      throw std::runtime_error(fmt::format("{} {} at {}: {}{}", method, key, to_string(nodes_[node]), error.what(),
                                           http.was_reused() ? "" : ", on a new connection"));
    http.disconnect();
    return std::nullopt;
  }
}

}  // namespace dht::integration
