#include <string>
#include <system_error>
#include <utility>

#include <dht/error.h>
#include <dht/testing/cluster.h>

#include "base/assert.h"
#include "cluster_process.h"

namespace dht::testing {

/// A place in the cluster: who is there, now or later, and the table that tests hold on to.
class Cluster::Member final : public Table {
 public:
  Member(Timeline& timeline, NodeOptions options, Address address, std::unique_ptr<SimulatedDisk> disk)
      : timeline_(timeline), options_(std::move(options)), address_(std::move(address)), disk_(std::move(disk)) {}

  const NodeOptions& options() const noexcept { return options_; }
  const Address& address() const noexcept { return address_; }
  SimulatedDisk* disk() const noexcept { return disk_.get(); }
  void move_to(const Address& address) {
    address_ = address;
    options_.listen = options_.advertise = to_string(address);
  }
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
    if (is_running() && !process_->is_paused()) return process_->node().get(key, options, std::move(handler));
    call([key = std::string(key), options, handler = std::move(handler)](Node* node) mutable {
      if (node == nullptr) return handler(Errc::stopped, std::nullopt);
      node->get(key, options, std::move(handler));
    });
    return 0;
  }
  OperationId do_write(const WriteRequest& request, const WriteOptions& options, WriteHandler handler) override {
    if (is_running() && !process_->is_paused()) return write(process_->node(), request, options, std::move(handler));
    call([kind = request.kind, key = std::string(request.key), value = std::string(request.value), options,
          handler = std::move(handler)](Node* node) mutable {
      if (node == nullptr) return handler(Errc::stopped, {});
      write(*node, {kind, key, value}, options, std::move(handler));
    });
    return 0;
  }
  void do_cancel(OperationId operation) override {
    call([operation](Node* node) {
      if (node != nullptr) node->cancel(operation);
    });
  }
  void do_wait(Completion& completion) override {
    const bool is_answered = timeline_.run_until([&] { return completion.is_done(); });
    DHT_ASSERT(is_answered);
  }

  static OperationId write(Node& node, const WriteRequest& request, const WriteOptions& options, WriteHandler handler) {
    return request.kind == WriteRequest::Kind::put ? node.put(request.key, request.value, options, std::move(handler))
                                                   : node.erase(request.key, options, std::move(handler));
  }
  void call(Process::Call call) {
    if (!is_running()) return call(nullptr);
    process_->call(std::move(call));
  }

  Timeline& timeline_;
  NodeOptions options_;
  Address address_;
  std::unique_ptr<SimulatedDisk> disk_;  ///< null where nodes remember nothing
  std::unique_ptr<Process> process_;     ///< null while it does not run
};

Cluster::Cluster(ClusterOptions options)
    : options_(std::move(options)),
      network_(timeline_, options_.seed, options_.network),
      seeds_(options_.seed),
      undertaker_(timeline_, options_.seed) {
  for (std::size_t i = 0; i < options_.nodes; ++i) {
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
bool Cluster::is_paused(std::size_t i) const { return is_running(i) && member(i).process().is_paused(); }
Table& Cluster::table(std::size_t i) { return member(i); }
Node& Cluster::node(std::size_t i) { return member(i).process().node(); }
const Address& Cluster::address(std::size_t i) const { return member(i).address(); }
ManualScheduler& Cluster::scheduler(std::size_t i) { return member(i).process().scheduler(); }

std::size_t Cluster::add_node() { return add_node(options_.node); }

std::size_t Cluster::add_node(NodeOptions options) {
  const std::size_t i = members_.size();
  const std::string label = "node" + std::to_string(i);
  const Address address{label, 9876};
  if (options.name.empty()) options.name = label;
  options.listen = to_string(address);
  options.advertise = to_string(address);
  auto disk = options_.durable ? std::make_unique<SimulatedDisk>(options_.seed * 1000 + i) : nullptr;
  members_.push_back(std::make_unique<Member>(timeline_, std::move(options), address, std::move(disk)));
  launch(i);
  return i;
}

void Cluster::launch(std::size_t i) {
  auto process = std::make_unique<Process>(*this, seeds_(), address(i), member(i).disk());
  process->start(i, member(i).options(), options_.on_new_process);
  member(i).set_process(std::move(process));
}

PendingStatus Cluster::join(std::size_t i, std::size_t host) { return join(i, to_string(address(host))); }

PendingStatus Cluster::join(std::size_t i, std::string_view peers, JoinGoal goal) {
  return begin(i, [peers = std::string(peers), goal](Node& node, StatusHandler done) {
    node.join(peers, goal, std::move(done));
  });
}

PendingStatus Cluster::leave(std::size_t i) {
  return begin(i, [](Node& node, StatusHandler done) { node.leave(std::move(done)); });
}

PendingStatus Cluster::leave_for_good(std::size_t i) {
  return begin(i, [](Node& node, StatusHandler done) { node.leave_for_good(std::move(done)); });
}

PendingStatus Cluster::step_aside(std::size_t i) {
  return begin(i, [](Node& node, StatusHandler done) { node.step_aside(std::move(done)); });
}

PendingStatus Cluster::forget(std::size_t i, std::string_view name) {
  return begin(i, [name = std::string(name)](Node& node, StatusHandler done) { node.forget(name, std::move(done)); });
}

PendingStatus Cluster::recover(std::size_t i) {
  return begin(i, [](Node& node, StatusHandler done) { node.recover(std::move(done)); });
}

PendingStatus Cluster::begin(std::size_t i, Function<void(Node&, StatusHandler)> start) {
  const auto status = std::make_shared<std::optional<Status>>();
  member(i).process().call([status, start = std::move(start)](Node* node) mutable {
    StatusHandler done = [status](Status result) { *status = std::move(result); };
    if (node == nullptr) return done({Errc::stopped, "the process has ended"});
    start(*node, std::move(done));
  });
  return PendingStatus(status);
}

Status Cluster::join_and_wait(std::size_t i, std::size_t host) { return wait_for(join(i, host)); }
Status Cluster::leave_and_wait(std::size_t i) { return wait_for(leave(i)); }

Status Cluster::wait_for(const PendingStatus& pending) {
  const bool is_answered = run_until([&] { return pending.is_done(); });
  DHT_ASSERT(is_answered);
  return pending.status();
}

void Cluster::pause(std::size_t i) {
  member(i).process().scheduler().pause();
  network_.pause(address(i));
}

void Cluster::resume(std::size_t i) {
  member(i).process().resume();
  network_.resume(address(i));
}

void Cluster::stop(std::size_t i) { member(i).take_process(); }

void Cluster::crash(std::size_t i, MemoryNetwork::Crash kind) {
  Member& crashing = member(i);
  crashing.process().scheduler().crash();
  network_.crash(crashing.address(), kind);
  if (crashing.disk() != nullptr) crashing.disk()->crash();
  crashed_.push_back(crashing.take_process());
  undertaker_.post([this] {
    // Handlers that are called on this occasion may crash the next one.
    const auto process = std::move(crashed_.front());
    crashed_.pop_front();
  });
}

void Cluster::restart(std::size_t i) { launch(i); }

void Cluster::restart_at(std::size_t i, const Address& address) {
  member(i).move_to(address);
  launch(i);
}

SimulatedDisk& Cluster::disk(std::size_t i) {
  DHT_ASSERT(member(i).disk() != nullptr);
  return *member(i).disk();
}

}  // namespace dht::testing
