// Server: the whole process put together: event loops, transport, storage, node, HTTP listener.
//
// Two kinds of loops: the main thread's, for membership, timers and signals, so that requests never delay them; and one
// for each serving thread.
//
// Thread rule: used by the main thread.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>

#include <dht/asio.h>
#include <dht/node.h>
#include <dht/storage.h>

#include "handlers/router.h"
#include "http/listener.h"
#include "join_loop.h"
#include "node_admin.h"
#include "options.h"
#include "service_state.h"
#include "stop_sequence.h"
#include "stopping_table.h"

namespace dhtd {

class Server {
 public:
  /// Binds and starts everything but the serving. Throws std::exception, with a sentence, where it cannot.
  Server(const Options& options, dht::LogSink log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves until a signal; returns the exit code.
  int run();

 private:
  std::vector<asio::io_context*> loops();
  http::Bound bind(const Options& options);
  dht::NodeOptions node_options(const Options& options, std::uint16_t port);
  void announce(const Options& options, const http::Bound& bound) const;
  /// From any thread.
  void end(int exit_code);
  void await_signal();
  void on_signal(int signal);

  const dht::LogSink log_;
  const http::Limits limits_;
  SharedServiceState state_{ServiceState::serving};
  int exit_code_ = 0;
  bool stopping_ = false;

  // In the order of use: what comes later uses what stands before, and is destroyed before it.
  asio::io_context control_;  ///< waits for signals and for the end
  std::list<asio::io_context> serving_;
  asio::signal_set signals_;
  std::unique_ptr<JoinLoop> join_loop_;
  std::unique_ptr<StopSequence> stop_sequence_;
  /// On the first of those that serve: what comes from peers there needs no other thread.
  dht::AsioScheduler scheduler_;
  std::unique_ptr<http::Listener> listener_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<StoppingTable> table_;
  std::unique_ptr<NodeAdmin> admin_;
  std::unique_ptr<dht::TcpTransport> transport_;
  std::unique_ptr<dht::Storage> storage_;
  std::unique_ptr<dht::Node> node_;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> busy_;
  std::vector<std::thread> threads_;
};

}  // namespace dhtd
