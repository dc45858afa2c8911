#include <string>
#include <system_error>
#include <utility>

#include <dht/error.h>
#include <dht/testing/cluster.h>
#include <dht/testing/late_storage.h>

#include "base/assert.h"

namespace dht::testing {
namespace {

/// Starts a call, whose outcome is kept until it is asked for.
template <typename Start>
PendingStatus begin(Start start) {
  const auto status = std::make_shared<std::optional<Status>>();
  start([status](Status result) { *status = std::move(result); });
  return PendingStatus(status);
}

}  // namespace

/// One incarnation of a node. The node goes first, then what it was made of.
struct Cluster::Process {
  Process(Timeline& timeline, std::uint64_t seed, MemoryNetwork& network, const Address& address,
          Duration storage_delay)
      : scheduler(timeline, seed), transport(network.make_transport(address)) {
    if (storage_delay > Duration{0}) storage = std::make_unique<LateStorage>(scheduler, storage_delay);
  }

  ManualScheduler scheduler;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Storage> storage;  ///< null where the node makes its own
  std::unique_ptr<Node> node;
};

/// A place in the cluster: who is there, now or later, and the table that tests hold on to.
class Cluster::Member final : public Table {
 public:
  Member(Timeline& timeline, NodeOptions options, Address address)
      : timeline_(timeline), options_(std::move(options)), address_(std::move(address)) {}

  const NodeOptions& options() const noexcept { return options_; }
  const Address& address() const noexcept { return address_; }
  bool is_running() const noexcept { return process_ != nullptr; }
  Process& process() const noexcept {
    DHT_ASSERT(is_running());
    return *process_;
  }
  void set_process(std::unique_ptr<Process> process) {
    DHT_ASSERT(!is_running());
    process_ = std::move(process);
  }
  std::unique_ptr<Process> take_process() {
    DHT_ASSERT(is_running());
    return std::move(process_);
  }

 private:
  OperationId do_get(std::string_view key, const ReadOptions& options, GetHandler handler) override {
    if (is_running()) return process_->node->get(key, options, std::move(handler));
    handler(Errc::stopped, std::nullopt);
    return 0;
  }
  OperationId do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) override {
    if (!is_running()) {
      handler(Errc::stopped, {});
      return 0;
    }
    Node& node = *process_->node;
    return request.kind == WriteRequest::Kind::put ? node.put(request.key, request.value, options, std::move(handler))
                                                   : node.erase(request.key, options, std::move(handler));
  }
  void do_cancel(OperationId operation) override {
    if (is_running()) process_->node->cancel(operation);
  }
  void do_wait(Completion& completion) override {
    const bool is_answered = timeline_.run_until([&] { return completion.is_done(); });
    DHT_ASSERT(is_answered);
  }

  Timeline& timeline_;
  NodeOptions options_;
  Address address_;
  std::unique_ptr<Process> process_;  ///< null while it does not run
};

Cluster::Cluster(ClusterOptions options)
    : template_(std::move(options.node)),
      storage_delay_(options.storage_delay),
      network_(timeline_, options.seed, options.network),
      seeds_(options.seed),
      undertaker_(timeline_, options.seed) {
  for (std::size_t i = 0; i < options.nodes; ++i) {
    add_node();
    if (i == 0) continue;
    const Status status = join_and_wait(i, 0);
    if (status) throw std::system_error(status.code, "node " + std::to_string(i) + " cannot join: " + status.message);
  }
}

Cluster::~Cluster() = default;

Cluster::Member& Cluster::member(std::size_t i) const {
  DHT_ASSERT(i < members_.size());
  return *members_[i];
}

bool Cluster::is_running(std::size_t i) const { return member(i).is_running(); }
Table& Cluster::table(std::size_t i) { return member(i); }
Node& Cluster::node(std::size_t i) { return *member(i).process().node; }
const Address& Cluster::address(std::size_t i) const { return member(i).address(); }
ManualScheduler& Cluster::scheduler(std::size_t i) { return member(i).process().scheduler; }

std::size_t Cluster::add_node() { return add_node(template_); }

std::size_t Cluster::add_node(NodeOptions options) {
  const std::size_t i = members_.size();
  const std::string label = "node" + std::to_string(i);
  const Address address{label, 9876};
  if (options.name.empty()) options.name = label;
  options.listen = to_string(address);
  options.advertise = to_string(address);
  members_.push_back(std::make_unique<Member>(timeline_, std::move(options), address));
  launch(*members_.back());
  return i;
}

void Cluster::launch(Member& member) {
  auto process = std::make_unique<Process>(timeline_, seeds_(), network_, member.address(), storage_delay_);
  process->node = std::make_unique<Node>(member.options(), NodeParts{.scheduler = &process->scheduler,
                                                                     .transport = process->transport.get(),
                                                                     .storage = process->storage.get()});
  member.set_process(std::move(process));
}

PendingStatus Cluster::join(std::size_t i, std::size_t host) { return join(i, to_string(address(host))); }

PendingStatus Cluster::join(std::size_t i, std::string_view peers, JoinGoal goal) {
  return begin([&](StatusHandler done) { node(i).join(peers, goal, std::move(done)); });
}

PendingStatus Cluster::leave(std::size_t i) {
  return begin([&](StatusHandler done) { node(i).leave(std::move(done)); });
}

PendingStatus Cluster::leave_for_good(std::size_t i) {
  return begin([&](StatusHandler done) { node(i).leave_for_good(std::move(done)); });
}

Status Cluster::join_and_wait(std::size_t i, std::size_t host) { return wait_for(join(i, host)); }
Status Cluster::leave_and_wait(std::size_t i) { return wait_for(leave(i)); }

Status Cluster::wait_for(const PendingStatus& pending) {
  const bool is_answered = run_until([&] { return pending.is_done(); });
  DHT_ASSERT(is_answered);
  return pending.status();
}

void Cluster::stop(std::size_t i) { member(i).take_process(); }

void Cluster::crash(std::size_t i, MemoryNetwork::Crash kind) {
  Member& crashing = member(i);
  crashing.process().scheduler.crash();
  network_.crash(crashing.address(), kind);
  crashed_.push_back(crashing.take_process());
  undertaker_.post([this] {
    // Handlers that are called on this occasion may crash the next one.
    const auto process = std::move(crashed_.front());
    crashed_.pop_front();
  });
}

void Cluster::restart(std::size_t i) { launch(member(i)); }

}  // namespace dht::testing
