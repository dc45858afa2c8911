// Listener: an HTTP server on one port, spread over several event loops.
//
// Thread rule: all methods may be called from any thread. It must be destroyed while its loops do not run, before them,
// and after everything that may still answer requests.
#pragma once

#include <cstddef>
#include <list>
#include <vector>

#include <asio/io_context.hpp>

#include "http/bind.h"
#include "http/worker.h"

namespace dhtd::http {

class Listener {
 public:
  /// `bound` is what `bind_all` has made of the same loops. Connections wait in the system until `start`. Each loop is
  /// to be run by one thread.
  Listener(const std::vector<asio::io_context*>& loops, Bound bound, ServeOptions options, RequestHandler& handler,
           UpgradeHandler upgrade);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  /// Takes no more connections, and closes those that there are once they have their answers.
  void finish();
  /// After `finish`: nobody is or gets connected any more.
  bool has_finished() const noexcept {
    return service_.accepting_workers.load(std::memory_order_relaxed) == 0 && connections() == 0;
  }
  /// Connections that are open now.
  std::size_t connections() const noexcept { return service_.connections.load(std::memory_order_relaxed); }

 private:
  Service service_;
  std::list<Worker> workers_;
};

}  // namespace dhtd::http
