// LinkTable: the connections that peers opened to us.
//
// Thread rule: every method may be called from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>

#include <dht/transport.h>

#include "net/accepted_connection.h"
#include "net/environment.h"

namespace dht::net {

class LinkTable : public std::enable_shared_from_this<LinkTable> {
 public:
  explicit LinkTable(std::shared_ptr<Environment> environment) : environment_(std::move(environment)) {}

  /// Takes a connection over; arguments as for AcceptedConnection::start. Closes the socket where stopped.
  void add(asio::ip::tcp::socket socket, std::string received, bool request_seen);
  /// The connection has shaken hands; its info is final from now on. Returns the connection that it replaces, which
  /// must be gone before the new one brings frames: that of the same opener and lane, guests apart from members.
  std::shared_ptr<AcceptedConnection> admit(const std::shared_ptr<AcceptedConnection>& connection);
  /// An admitted connection, or null.
  std::shared_ptr<AcceptedConnection> find(LinkId id) const;
  void erase(const LinkInfo& info);
  /// Severs all, and every later one.
  void stop();

 private:
  using Opener = std::tuple<NodeId, Lane, bool>;
  static Opener opener_of(const LinkInfo& info) { return {info.node, info.lane, static_cast<bool>(info.cluster)}; }

  struct Entry {
    std::shared_ptr<AcceptedConnection> connection;
    bool admitted = false;
  };

  const std::shared_ptr<Environment> environment_;
  mutable std::mutex mutex_;
  bool stopped_ = false;
  LinkId last_id_ = 0;
  std::unordered_map<LinkId, Entry> entries_;
  std::map<Opener, LinkId> newest_;
};

}  // namespace dht::net
