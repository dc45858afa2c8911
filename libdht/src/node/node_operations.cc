// What clients ask of a node, and the timer by which that ends in time.

#include <utility>

#include <dht/error.h>

#include "node/node_impl.h"

namespace dht {
namespace {

/// How often deadlines are looked at and what was put off is tried again: well below what a person notices.
constexpr Duration kHouseInterval = std::chrono::milliseconds(20);
/// How often requests of peers that wait here are looked at.
constexpr Duration kSweepInterval = std::chrono::milliseconds(100);
/// Where nothing is under way; whoever begins something wakes the house before.
constexpr Duration kIdleInterval = std::chrono::seconds(1);

}  // namespace

/// Before anything is begun.
std::error_code Node::Impl::check_request(std::string_view key) const {
  if (has_failed_) return Errc::stopped;
  if (operations_.size() >= options_.max_requests_in_flight) return Errc::overloaded;
  if (key.empty()) return Errc::invalid_argument;
  if (key.size() > options_.max_key_bytes) return Errc::too_large;
  return {};
}

OperationId Node::Impl::get(std::string_view key, const ReadOptions& options, GetHandler handler) {
  if (const std::error_code error = check_request(key)) {
    handler(error, std::nullopt);
    return 0;
  }
  const OperationId id = operations_.next_id();
  const SessionPtr session = current();
  const auto make_operation = [&] {
    auto operation = std::make_unique<node::Operation>();
    operation->id = id;
    operation->in_cluster = session->cluster();
    operation->kind = node::Operation::Kind::get;
    operation->deadline = strand_.now() + options.deadline;
    operation->key = key;
    operation->on_get = std::move(handler);
    return operation;
  };
  // Where it was asked, and not in a cluster that the node has founded meanwhile, it is tried again.
  GetHandler from_replica = [asked = session.get(), id](std::error_code error, std::optional<Entry> entry) {
    asked->end_read(id, error, std::move(entry));
  };
  node::OperationPtr refused;
  auto here = session->read_here(key, from_replica, [&] {
    node::OperationPtr operation = make_operation();
    operation->state = node::Operation::State::in_replica;
    if (!add(operation)) refused = std::move(operation);
  });
  if (refused) refused->fail(Errc::stopped);
  if (here.outcome) {
    handler(here.outcome->error, std::move(here.outcome->entry));
    return 0;
  }
  if (!here.served) begin(session, make_operation());
  return id;
}

OperationId Node::Impl::write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) {
  std::error_code error = check_request(request.key);
  if (!error && request.value.size() > options_.max_value_bytes) error = Errc::too_large;
  if (error) {
    handler(error, {});
    return 0;
  }
  const OperationId id = operations_.next_id();
  const SessionPtr session = current();
  const auto make_operation = [&] {
    auto operation = std::make_unique<node::Operation>();
    operation->id = id;
    operation->in_cluster = session->cluster();
    operation->kind = node::Operation::Kind::write;
    operation->deadline = strand_.now() + options.deadline;
    operation->on_write = std::move(handler);
    return operation;
  };
  WriteHandler from_replica = [this, id](std::error_code result_error, WriteResult result) {
    if (auto operation = operations_.take(id)) operation->on_write(result_error, result);
  };
  node::OperationPtr refused;
  auto here = session->write_here(request, options.precondition, from_replica, [&] {
    node::OperationPtr operation = make_operation();
    operation->state = node::Operation::State::in_replica;
    if (!add(operation)) refused = std::move(operation);
  });
  if (refused) refused->fail(Errc::outcome_unknown);
  if (here.outcome) {
    handler(here.outcome->error, here.outcome->result);
    return 0;
  }
  if (!here.served) {
    node::OperationPtr operation = make_operation();
    operation->key = request.key;
    operation->value = request.value;
    operation->write_kind = request.kind;
    operation->precondition = options.precondition;
    begin(session, std::move(operation));
  }
  return id;
}

bool Node::Impl::add(node::OperationPtr& operation) {
  if (!operations_.add(operation)) return false;
  wake_house();
  return true;
}

void Node::Impl::begin(const SessionPtr& session, node::OperationPtr operation) {
  if (!session->begin(operation)) return operation->fail(Errc::stopped);
  wake_house();
}

void Node::Impl::cancel(OperationId id) {
  if (auto operation = operations_.take(id)) operation->fail(operation->given_up(Errc::cancelled));
}

void Node::Impl::keep_house() {
  const Instant now = strand_.now();
  for (const node::OperationPtr& operation : operations_.take_expired(now)) {
    operation->fail(operation->given_up(Errc::not_applied));
  }
  const SessionPtr session = current();
  session->retry_postponed();
  session->tend_streams(now);
  if (joining_) joining_->retry_postponed();
  if (former_) {
    former_->retry_postponed();
    if (!needs_former_ && !operations_.has_in(former_->cluster())) forget_former();
  }
  if (now >= next_sweep_) {
    session->expire_parked_requests(now);
    session->drop_old_copies(now);
    if (const auto news = memory_.news(); news && options_.log) options_.log(news->level, news->line);
    next_sweep_ = now + kSweepInterval;
  }
  // Set before it is looked whether there is anything to do: whoever adds something afterwards sees it set.
  house_sleeps_ = true;
  const bool is_busy = operations_.size() > 0 || joining_ || former_ || session->has_put_off();
  if (is_busy) house_sleeps_ = false;
  house_timer_ = strand_.call_later(is_busy ? kHouseInterval : kIdleInterval, [this] { keep_house(); });
}

void Node::Impl::wake_house() {
  if (house_sleeps_ && house_sleeps_.exchange(false)) strand_.post([this] { keep_house(); });
}

}  // namespace dht
