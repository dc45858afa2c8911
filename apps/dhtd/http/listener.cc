#include "http/listener.h"

#include <utility>

#include <asio/post.hpp>

#include "base/assert.h"

namespace dhtd::http {

Listener::Listener(const std::vector<asio::io_context*>& loops, Bound bound, ServeOptions options,
                   RequestHandler& handler, UpgradeHandler upgrade)
    : service_(std::move(options), handler, std::move(upgrade)) {
  DHT_ASSERT(bound.acceptors.size() == loops.size());
  for (std::size_t i = 0; i < loops.size(); ++i) {
    Worker& worker = workers_.emplace_back(*loops[i], service_);
    for (auto& acceptor : bound.acceptors[i])
      worker.add(std::move(acceptor));
  }
}

void Listener::start() {
  for (Worker& worker : workers_)
    asio::post(worker.loop(), [&worker] { worker.start(); });
}

void Listener::finish() {
  for (Worker& worker : workers_)
    asio::post(worker.loop(), [&worker] { worker.finish(); });
}

}  // namespace dhtd::http
