#include <algorithm>
#include <system_error>
#include <utility>

#include <dht/node.h>

#include "node/node_impl.h"

namespace dht {

Node::Node(NodeOptions options) : Node(std::move(options), NodeParts{}) {}

Node::Node(NodeOptions options, NodeParts parts) : impl_(std::make_unique<Impl>(std::move(options), parts)) {}

Node::~Node() = default;

void Node::join(std::string_view peers, JoinGoal goal, StatusHandler handler) {
  impl_->join(peers, goal, std::move(handler));
}

void Node::leave(StatusHandler handler) { impl_->leave(std::move(handler)); }
void Node::step_aside(StatusHandler handler) { impl_->step_aside(std::move(handler)); }
void Node::leave_for_good(StatusHandler handler) { impl_->leave_for_good(std::move(handler)); }
void Node::forget(std::string_view name, StatusHandler handler) {
  impl_->forget(std::string(name), std::move(handler));
}
void Node::recover(StatusHandler handler) { impl_->recover(std::move(handler)); }

namespace {

/// Runs an asynchronous call to its end and throws where it failed.
template <typename Start>
void wait_for(Start start) {
  Completion completion;
  Status result;
  start([&](Status status) {
    result = std::move(status);
    completion.signal();
  });
  completion.wait();
  if (result) throw std::system_error(result.code, result.message);
}

}  // namespace

void Node::join(std::string_view peers) {
  wait_for([&](StatusHandler handler) { join(peers, std::move(handler)); });
}

void Node::leave() {
  wait_for([&](StatusHandler handler) { leave(std::move(handler)); });
}

const std::string& Node::name() const noexcept { return impl_->options().name; }

NodeId Node::id() const noexcept { return impl_->id(); }

Address Node::address() const { return impl_->address(); }

NodeStatus Node::status() const { return impl_->status(); }

ClusterMapPtr Node::map() const { return impl_->map(); }

bool Node::is_ready() const { return impl_->is_ready(*impl_->map()); }

std::vector<std::string> Node::peers() const {
  const NodeStatus status = impl_->status();
  std::vector<std::string> others;
  for (const MemberStatus& member : status.members) {
    if (member.id != status.id && member.state != NodeState::joining) others.push_back(member.name);
  }
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());  // one that is down, and its successor
  others.insert(others.begin(), status.name);
  return others;
}

void Node::list_keys(KeyCursor from, std::size_t max_bytes, KeyPageHandler handler) const {
  impl_->list_keys(from, max_bytes, std::move(handler));
}

OperationId Node::do_get(std::string_view key, const ReadOptions& options, GetHandler handler) {
  return impl_->get(key, options, std::move(handler));
}

OperationId Node::do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) {
  return impl_->write(request, options, std::move(handler));
}

void Node::do_cancel(OperationId operation) { impl_->cancel(operation); }

void Node::do_expect(std::span<const std::string_view> keys) { impl_->expect(keys); }

}  // namespace dht
