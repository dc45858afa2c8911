#include "support/workload.h"

#include <algorithm>
#include <utility>

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace scenario {

Workload::Workload(dht::testing::Cluster& cluster, std::vector<std::size_t> nodes, WorkloadOptions options)
    : cluster_(cluster),
      scheduler_(cluster.timeline(), options.seed),
      nodes_(std::move(nodes)),
      options_(std::move(options)) {
  for (std::size_t number = 0; number < options_.clients; ++number) {
    auto client = std::make_unique<Client>();
    client->number = number;
    client->random.seed(options_.seed * 1000 + number);
    for (std::size_t key = 0; key < options_.keys_per_client; ++key) {
      client->keys.push_back(fmt::format("{}-{}-{}", options_.prefix, number, key));
    }
    clients_.push_back(std::move(client));
  }
}

Workload::~Workload() { finish(); }

void Workload::begin() {
  running_ = true;
  for (const auto& client : clients_)
    pause(*client);
}

void Workload::finish() {
  running_ = false;
  cluster_.run_until([this] {
    return std::none_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->busy; });
  });
  for (const auto& client : clients_)
    client->timer.reset();
}

void Workload::pause(Client& client) {
  const auto most = static_cast<std::uint64_t>(options_.pause_max.count()) + 1;
  client.timer = scheduler_.call_later(dht::Duration(static_cast<dht::Duration::rep>(client.random() % most)),
                                       [this, &client] { next(client); });
}

void Workload::complain(const Client& client, std::string what) {
  complaints_.push_back(fmt::format("client {}, operation {}: {}", client.number, operations_, what));
}

void Workload::next(Client& client) {
  if (!running_) return;
  ++operations_;
  client.busy = true;
  const std::string key = client.keys[client.random() % client.keys.size()];
  const std::size_t node = nodes_[client.random() % nodes_.size()];
  dht::Table& table = cluster_.table(node);
  const auto known = client.holds.find(key);
  const std::optional<std::string> before = known == client.holds.end() ? std::nullopt : std::optional(known->second);
  const auto ended = [this, &client] {
    client.busy = false;
    if (running_) pause(client);
  };
  const auto check_write = [this, &client, key, node, before](const char* verb, std::error_code error,
                                                              const dht::WriteResult& result) {
    if (error) return complain(client, fmt::format("{} {} through node {}: {}", verb, key, node, error.message()));
    if (result.existed != before.has_value()) {
      complain(client, fmt::format("{} {} through node {}: existed is {}", verb, key, node, result.existed));
    }
  };
  switch (client.random() % 4) {
    case 0: {
      client.holds.erase(key);
      table.erase(key, [=](std::error_code error, dht::WriteResult result) {
        check_write("erase", error, result);
        ended();
      });
      return;
    }
    case 1: {
      const std::string value = fmt::format("{}/{}", key, client.random());
      client.holds[key] = value;
      table.put(key, value, [=](std::error_code error, dht::WriteResult result) {
        check_write("put", error, result);
        ended();
      });
      return;
    }
    default:
      table.get(key, [=, this, &client](std::error_code error, std::optional<dht::Entry> entry) {
        if (error) {
          complain(client, fmt::format("get {} through node {}: {}", key, node, error.message()));
        } else if (entry.has_value() != before.has_value() || (entry && entry->value.view() != *before)) {
          complain(client, fmt::format("get {} through node {}: {} instead of {}", key, node,
                                       entry ? entry->value.view() : "nothing", before ? *before : "nothing"));
        }
        ended();
      });
  }
}

std::map<std::string, std::string> Workload::expected() const {
  std::map<std::string, std::string> all;
  for (const auto& client : clients_)
    all.insert(client->holds.begin(), client->holds.end());
  return all;
}

void Workload::check_everything(const std::vector<std::size_t>& nodes) {
  for (const auto& client : clients_) {
    for (const std::string& key : client->keys) {
      const auto known = client->holds.find(key);
      for (const std::size_t node : nodes) {
        std::error_code error;
        const auto entry = cluster_.table(node).get(key, error);
        if (error) {
          complain(*client, fmt::format("finally, {} through node {}: {}", key, node, error.message()));
        } else if (entry.has_value() != (known != client->holds.end()) ||
                   (entry && entry->value.view() != known->second)) {
          complain(*client, fmt::format("finally, {} through node {} is wrong", key, node));
        }
      }
    }
  }
}

void check_quiet(const Workload& workload) {
  for (const std::string& complaint : workload.complaints())
    FAIL_CHECK(complaint);
}

}  // namespace scenario
