// ClusterHandler: what is asked of the cluster rather than of the table, `/dht/...`.
//
// Thread rule: called from many threads at once; keeps no state of its own.
#pragma once

#include <string_view>

#include "cluster_admin.h"
#include "http/responder.h"
#include "service_state.h"

namespace dhtd {

class ClusterHandler {
 public:
  /// Both must outlive the handler.
  ClusterHandler(ClusterAdmin& admin, const SharedServiceState& state) noexcept : admin_(admin), state_(state) {}

  void handle(const http::Request& request, http::Responder responder);

 private:
  void join(const http::Request& request, http::Responder responder);
  void leave(http::Responder responder);
  void peers(http::Responder responder);
  void status(http::Responder responder);

  ClusterAdmin& admin_;
  const SharedServiceState& state_;
};

/// Whether a web page of another site made the browser send this: such a page must not make a node join or leave.
/// Programs send neither `Origin` nor `Sec-Fetch-Site`.
bool is_from_foreign_page(const http::Request& request) noexcept;

}  // namespace dhtd
