#include "support/checked_client.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

namespace dht::integration {

ServingNodes::ServingNodes(std::vector<Endpoint> nodes) {
  for (Endpoint& endpoint : nodes) {
    nodes_.push_back(std::make_unique<Serving>());
    nodes_.back()->index = nodes_.size() - 1;
    nodes_.back()->endpoint = std::move(endpoint);
  }
}

void ServingNodes::suspend(std::size_t node) {
  const std::unique_lock lock(nodes_[node]->mutex);
  nodes_[node]->serving = false;
}

void ServingNodes::resume(std::size_t node) {
  const std::unique_lock lock(nodes_[node]->mutex);
  nodes_[node]->serving = true;
}

CheckedClient::CheckedClient(int number, ServingNodes& nodes, std::size_t keys)
    : number_(number), nodes_(nodes), keys_(keys), thread_([this] { run(); }) {}

CheckedClient::~CheckedClient() { stop(); }

std::string CheckedClient::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return trouble_;
}

void CheckedClient::run() {
  std::mt19937_64 random(static_cast<std::uint64_t>(number_));
  while (!stopping_ && trouble_.empty())
    trouble_ = step(random);
}

std::string CheckedClient::step(std::mt19937_64& random) {
  std::string trouble;
  nodes_.with_some_node(random, [&](std::size_t index, const Endpoint& endpoint) {
    const auto start = SteadyClock::now();
    try {
      trouble = exchange(connections_.try_emplace(index, endpoint).first->second, random);
    } catch (const std::exception& error) {
      trouble = error.what();
    }
    slowest_ = std::max(slowest_, seconds_since(start));
    if (!trouble.empty())
      trouble = fmt::format("client {} at {}, operation {}: {}", number_, to_string(endpoint), operations_, trouble);
  });
  ++operations_;
  return trouble;
}

std::string CheckedClient::exchange(HttpClient& http, std::mt19937_64& random) {
  const std::string key = fmt::format("client{}-{}", number_, random() % keys_);
  const std::uint64_t choice = random() % 10;
  const auto known = expected_.find(key);
  const std::string wanted = known == expected_.end() ? "" : known->second;
  Response response;
  if (choice < 5) {
    response = http.get(db(key));
    if (response.status == 200 && response.body != wanted)
      return fmt::format("GET {} gave '{}', not '{}'", key, response.body, wanted);
  } else if (choice < 9) {
    const std::string value = fmt::format("{} of {}", operations_, number_);
    response = http.put(db(key), value);
    expected_[key] = value;
  } else {
    response = http.del(db(key));
    expected_.erase(key);
  }
  if (response.status != 200) return fmt::format("{} answered {} {}", key, response.status, response.body);
  return {};
}

}  // namespace dht::integration
