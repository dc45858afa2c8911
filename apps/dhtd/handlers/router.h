// Router: which handler serves which path.
//
// Thread rule: called from many threads at once; keeps no state of its own.
#pragma once

#include <span>

#include <dht/table.h>

#include "cluster_admin.h"
#include "handlers/cluster.h"
#include "handlers/db.h"
#include "handlers/health.h"
#include "http/limits.h"
#include "http/responder.h"
#include "service_state.h"

namespace dhtd {

class Router final : public http::RequestHandler {
 public:
  /// All must outlive the router.
  Router(dht::Table& table, ClusterAdmin& admin, const http::Limits& limits, const SharedServiceState& state) noexcept
      : db_(table, admin, limits), cluster_(admin, state), health_(admin, state), admin_(admin), state_(state) {}

  void handle(const http::Request& request, http::Responder responder) override;
  void expect(std::span<const http::Request> requests) override;

 private:
  DbHandler db_;
  ClusterHandler cluster_;
  const HealthHandler health_;
  const ClusterAdmin& admin_;
  const SharedServiceState& state_;
};

}  // namespace dhtd
