// HealthHandler: what whoever looks after this process asks: `/healthz`, whether it lives; `/readyz`, whether clients
// should be sent to it.
//
// Thread rule: called from many threads at once; keeps no state of its own.
#pragma once

#include <string_view>

#include "cluster_admin.h"
#include "http/responder.h"
#include "service_state.h"

namespace dhtd {

class HealthHandler {
 public:
  /// Both must outlive the handler.
  HealthHandler(const ClusterAdmin& admin, const SharedServiceState& state) noexcept : admin_(admin), state_(state) {}

  static bool is_for(std::string_view path) noexcept;
  void handle(const http::Request& request, http::Responder responder) const;

 private:
  const ClusterAdmin& admin_;
  const SharedServiceState& state_;
};

}  // namespace dhtd
