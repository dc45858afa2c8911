// Calls: control messages that wait for their answer.
//
// Thread rule: one strand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>

#include <dht/function.h>
#include <dht/scheduler.h>
#include <dht/transport.h>

#include "cluster/map_writer.h"
#include "wire/control.h"

namespace dht::cluster {

class Calls {
 public:
  /// Gets the answer, or why there is none: unreachable and incompatible (the call was certainly not delivered),
  /// outcome_unknown (the connection broke or the time is over), overloaded, too_large, stopped.
  using Handler = Function<void(std::error_code, wire::Answer)>;

  Calls(Scheduler& scheduler, Transport& transport);
  ~Calls();

  /// `handler` is called exactly once, unless this object is destroyed before, and never inside the call.
  void call(const Peer& peer, wire::Call call, Duration timeout, Handler handler);
  /// The same for a call that carries to this peer a map that others get, too.
  void call(const Peer& peer, wire::Call call, MapWriter& writer, Duration timeout, Handler handler);
  void on_answer(std::string_view payload);
  void on_broken(ConnectionId connection, std::error_code reason);
  /// Ends every call with Errc::stopped.
  void stop();

 private:
  struct Pending {
    ConnectionId connection = 0;
    Handler handler{};
    std::unique_ptr<Scheduler::Timer> timer{};
  };
  void send(const Peer& peer, std::uint64_t id, std::string_view payload, Duration timeout, Handler handler);
  void end(std::uint64_t id, std::error_code error, wire::Answer answer);

  Scheduler& scheduler_;
  Transport& transport_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Pending> pending_;
};

}  // namespace dht::cluster
