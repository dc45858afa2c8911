// OwnParts: makes what a node needs and was not given.
//
// Thread rule: one owner.
#pragma once

#include <memory>

#include <dht/asio.h>
#include <dht/node.h>

#include "node/own_threads.h"

namespace dht::node {

class OwnParts {
 public:
  /// Throws std::system_error where it cannot listen, std::invalid_argument where an option makes no sense.
  OwnParts(const NodeOptions& options, const NodeParts& given);
  ~OwnParts();

  /// Given and own ones together; only the membership may be missing still.
  NodeParts parts(const NodeParts& given) const;
  /// What others are told: `options.advertise`, or where the node listens.
  Address advertised(const NodeOptions& options) const;

  void start();
  void stop();

 private:
  std::unique_ptr<OwnThreads> threads_;
  std::unique_ptr<AsioScheduler> scheduler_;
  std::unique_ptr<TcpTransport> transport_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<Partitioner> partitioner_;
};

/// "host:port" where the port may be 0, "take a free one". Throws std::invalid_argument.
Address parse_listen_address(std::string_view text);

/// Whether the host stands for "every address", so that nobody can be told to connect there.
bool is_wildcard(const Address& address);

}  // namespace dht::node
