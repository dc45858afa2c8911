// The listing of keys, `GET /db`: sent page by page as the client takes it, never built in memory.
//
// Thread rule: as in BodySource.
#pragma once

#include "cluster_admin.h"
#include "http/body_source.h"
#include "http/responder.h"

namespace dhtd {

/// The keys that this node is primary for, each followed by CR LF.
class KeyListing final : public http::BodySource {
 public:
  KeyListing(const ClusterAdmin& admin, dht::KeyCursor from) noexcept : admin_(admin), cursor_(from) {}
  void next(http::BodyPieceHandler handler) override;

 private:
  const ClusterAdmin& admin_;
  dht::KeyCursor cursor_;
};

/// Answers a request for the listing. An error before the first page is an error to the client; a later one breaks the
/// connection off.
void send_listing(const ClusterAdmin& admin, http::Responder responder);

}  // namespace dhtd
