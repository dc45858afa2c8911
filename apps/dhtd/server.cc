#include "server.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <signal.h>

#include "data_dir.h"

namespace dhtd {
namespace {

http::Limits to_limits(const Options& options) {
  http::Limits limits;
  limits.max_key_bytes = options.max_key_bytes;
  limits.max_value_bytes = options.max_value_bytes;
  limits.max_in_flight = options.max_in_flight;
  return limits;
}

constexpr int kExitStorageFailed = 4;

unsigned thread_count(const Options& options) {
  if (options.threads != 0) return options.threads;
  return std::max(1u, std::thread::hardware_concurrency());
}

/// The host as an address holds it: IPv6 without brackets.
std::string bare_host(const std::string& host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

std::string why_no_join(const Options& options, const http::Bound& bound) {
  if (!options.advertise.empty() || !bound.has_wildcard()) return {};
  return fmt::format(
      "This node listens on '{}', where no other node can reach it: start it with --advertise HOST:PORT. "
      "It goes on alone, with all its data.",
      options.host);
}

}  // namespace

Server::Server(const Options& options, dht::LogSink log)
    : log_(std::move(log)),
      limits_(to_limits(options)),
      serving_(thread_count(options)),
      signals_(control_, SIGINT, SIGTERM),
      scheduler_(serving_.front()) {
  http::Bound bound = bind(options);
  const auto port = bound.port;
  transport_ = dht::make_tcp_transport(loops(), {.log = log_});
  storage_ = options.data_dir.empty() ? dht::make_memory_storage() : open_data_dir(options);
  node_ = std::make_unique<dht::Node>(
      node_options(options, port),
      dht::NodeParts{.scheduler = &scheduler_, .transport = transport_.get(), .storage = storage_.get()});
  admin_ = std::make_unique<NodeAdmin>(*node_, why_no_join(options, bound));
  table_ = std::make_unique<StoppingTable>(*node_, *admin_, state_);
  router_ = std::make_unique<Router>(*table_, *admin_, limits_, state_);
  announce(options, bound);

  http::ServeOptions serve;
  serve.limits = limits_;
  serve.timeouts.idle = options.idle_timeout;
  serve.timeouts.header = options.header_timeout;
  serve.max_connections = options.max_connections;
  serve.log = log_;
  listener_ = std::make_unique<http::Listener>(loops(), std::move(bound), std::move(serve), *router_,
                                               [this](asio::ip::tcp::socket socket, std::string_view leftover) {
                                                 transport_->adopt(std::move(socket), leftover);
                                               });
  if (!options.join.empty()) join_loop_ = std::make_unique<JoinLoop>(*admin_, scheduler_, options.join, log_);
  stop_sequence_ = std::make_unique<StopSequence>(
      StopSequence::Parts{*admin_, scheduler_, state_, log_, [this] { listener_->finish(); },
                          [this] { return listener_->has_finished(); }, [this] { return listener_->connections(); },
                          [this](int exit_code) { end(exit_code); }, !options.data_dir.empty()},
      options.stop_timeout);
}

void Server::end(int exit_code) {
  asio::post(control_, [this, exit_code] {
    if (exit_code_ == 0) exit_code_ = exit_code;
    control_.stop();
  });
}

Server::~Server() {
  // The loops still run, so that every request under way gets its answer from the ending node.
  node_.reset();
  transport_.reset();
  busy_.clear();
  for (auto& loop : serving_)
    loop.stop();
  for (auto& thread : threads_)
    thread.join();
}

std::vector<asio::io_context*> Server::loops() {
  std::vector<asio::io_context*> loops;
  for (auto& loop : serving_)
    loops.push_back(&loop);
  return loops;
}

http::Bound Server::bind(const Options& options) {
  http::Bound bound = http::bind_all(options.host, options.port, loops());
  for (const std::string& warning : bound.warnings)
    log_(dht::LogLevel::warning, warning);
  return bound;
}

dht::NodeOptions Server::node_options(const Options& options, std::uint16_t port) {
  dht::NodeOptions node;
  node.listen = to_string(dht::Address{bare_host(options.host), port});
  node.advertise = options.advertise.empty() ? node.listen : options.advertise;
  node.name = options.name.empty() ? node.advertise : options.name;
  node.partitions = options.partitions;
  node.replicas = options.replicas;
  if (options.lease_ms) node.lease = std::chrono::milliseconds(*options.lease_ms);
  node.max_key_bytes = options.max_key_bytes;
  node.max_value_bytes = options.max_value_bytes;
  node.max_memory_bytes = options.max_memory_bytes;
  node.return_patience = options.return_patience;
  node.log = log_;
  node.on_failure = [this](std::string_view) { end(kExitStorageFailed); };
  return node;
}

void Server::announce(const Options& options, const http::Bound& bound) const {
  const bool public_address = std::any_of(bound.endpoints.begin(), bound.endpoints.end(),
                                          [](const auto& endpoint) { return !endpoint.address().is_loopback(); });
  if (public_address) {
    log_(dht::LogLevel::warning,
         fmt::format("other machines may reach {}, and there is no authentication yet: keep the port behind a firewall",
                     options.host));
  }
  log_(dht::LogLevel::info, fmt::format("listening on {} as \"{}\"",
                                        to_string(dht::Address{bare_host(options.host), bound.port}), node_->name()));
}

int Server::run() {
  for (auto& loop : serving_) {
    busy_.push_back(asio::make_work_guard(loop));
    threads_.emplace_back([&loop] { loop.run(); });
  }
  listener_->start();
  if (join_loop_ != nullptr) join_loop_->start();
  await_signal();
  control_.run();
  return exit_code_;
}

void Server::await_signal() {
  signals_.async_wait([this](std::error_code error, int signal) {
    if (!error) on_signal(signal);
  });
}

void Server::on_signal(int signal) {
  if (std::exchange(stopping_, true)) {
    std::_Exit(stop_sequence_->cut_short(signal));
  }
  await_signal();
  scheduler_.post([this] {
    if (join_loop_ != nullptr) join_loop_->stop();
    stop_sequence_->begin();
  });
}

}  // namespace dhtd
