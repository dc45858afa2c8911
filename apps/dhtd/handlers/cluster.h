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
  struct Route;
  static const Route* find_route(std::string_view path) noexcept;

  dht::NodeStatus current_status() const;
  void peers(const http::Request& request, http::Responder responder);
  void status(const http::Request& request, http::Responder responder);
  void safe_to_stop(const http::Request& request, http::Responder responder);
  void join(const http::Request& request, http::Responder responder);
  void leave(const http::Request& request, http::Responder responder);
  void forget(const http::Request& request, http::Responder responder);
  void recover(const http::Request& request, http::Responder responder);
  void take_peer(const http::Request& request, http::Responder responder);

  ClusterAdmin& admin_;
  const SharedServiceState& state_;
};

/// Whether a web page of another site made the browser send this: such a page must not make a node join or leave.
/// Programs send neither `Origin` nor `Sec-Fetch-Site`.
bool is_from_foreign_page(const http::Request& request) noexcept;

}  // namespace dhtd
