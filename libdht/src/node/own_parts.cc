#include "node/own_parts.h"

#include <stdexcept>
#include <utility>

#include <asio/ip/address.hpp>
#include <fmt/format.h>

namespace dht::node {

Address parse_listen_address(std::string_view text) {
  constexpr std::string_view kAnyPort = ":0";
  const bool any_port = text.ends_with(kAnyPort);
  // The port 0 is for listening alone, so the parser of addresses does not take it.
  std::string with_port(any_port ? text.substr(0, text.size() - 1) : text);
  if (any_port) with_port += '1';
  auto address = parse_address(with_port);
  if (!address) {
    throw std::invalid_argument(
        fmt::format("\"{}\" is no address to listen on; it must be HOST:PORT, for example localhost:9876", text));
  }
  if (any_port) address->port = 0;
  return *address;
}

bool is_wildcard(const Address& address) {
  std::error_code not_numeric;
  const auto ip = asio::ip::make_address(address.host, not_numeric);
  return not_numeric ? address.host == "*" || address.host == "0" : ip.is_unspecified();
}

OwnParts::OwnParts(const NodeOptions& options, const NodeParts& given) {
  if (options.threads == 0) throw std::invalid_argument("a node needs at least one thread");
  if (given.scheduler == nullptr || given.transport == nullptr)
    threads_ = std::make_unique<OwnThreads>(options.threads);
  if (given.scheduler == nullptr) scheduler_ = std::make_unique<AsioScheduler>(*threads_->loops().front());
  if (given.transport == nullptr) {
    TcpTransportOptions tcp;
    tcp.listen = parse_listen_address(options.listen);
    tcp.log = options.log;
    transport_ = make_tcp_transport(threads_->loops(), std::move(tcp));
  }
  if (given.storage == nullptr) storage_ = make_memory_storage();
  if (given.partitioner == nullptr) partitioner_ = std::make_unique<HashSlotPartitioner>();
}

OwnParts::~OwnParts() { stop(); }

NodeParts OwnParts::parts(const NodeParts& given) const {
  NodeParts all = given;
  if (scheduler_) all.scheduler = scheduler_.get();
  if (transport_) all.transport = transport_.get();
  if (storage_) all.storage = storage_.get();
  if (partitioner_) all.partitioner = partitioner_.get();
  return all;
}

Address OwnParts::advertised(const NodeOptions& options) const {
  if (!options.advertise.empty()) {
    if (auto address = parse_address(options.advertise)) return *address;
    throw std::invalid_argument(
        fmt::format("\"{}\" is no address that others could be told; it must be HOST:PORT", options.advertise));
  }
  if (transport_) {
    if (auto address = transport_->listening()) return *address;
  }
  return parse_listen_address(options.listen);
}

void OwnParts::start() {
  if (threads_) threads_->start();
}

void OwnParts::stop() {
  if (threads_) threads_->stop();
}

}  // namespace dht::node
