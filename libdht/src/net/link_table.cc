#include "net/link_table.h"

#include <utility>

namespace dht::net {

void LinkTable::add(asio::ip::tcp::socket socket, std::string received, bool request_seen) {
  std::shared_ptr<AcceptedConnection> connection;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    const LinkId id = ++last_id_;
    connection = std::make_shared<AcceptedConnection>(environment_, shared_from_this(), id, std::move(socket));
    entries_[id].connection = connection;
  }
  connection->start(std::move(received), request_seen);
}

std::shared_ptr<AcceptedConnection> LinkTable::admit(const std::shared_ptr<AcceptedConnection>& connection) {
  std::lock_guard lock(mutex_);
  if (stopped_) return nullptr;
  entries_.at(connection->id()).admitted = true;
  LinkId& newest = newest_[opener_of(connection->info())];
  const auto older = entries_.find(std::exchange(newest, connection->id()));
  return older == entries_.end() ? nullptr : older->second.connection;
}

std::shared_ptr<AcceptedConnection> LinkTable::find(LinkId id) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() || !found->second.admitted ? nullptr : found->second.connection;
}

void LinkTable::erase(const LinkInfo& info) {
  std::lock_guard lock(mutex_);
  entries_.erase(info.link);
  const auto newest = newest_.find(opener_of(info));
  if (newest != newest_.end() && newest->second == info.link) newest_.erase(newest);
}

void LinkTable::stop() {
  std::unordered_map<LinkId, Entry> severed;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    severed.swap(entries_);
    newest_.clear();
  }
  for (auto& [id, entry] : severed)
    entry.connection->sever();
}

}  // namespace dht::net
