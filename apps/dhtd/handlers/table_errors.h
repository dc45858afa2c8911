// What the errors of libdht are over HTTP. The status says what to do next: 503 the same again, 504 find out first,
// 507 make room, anything else ask differently.
//
// Thread rule: pure functions.
#pragma once

#include <string_view>
#include <system_error>

#include <dht/error.h>

#include "http/failure.h"
#include "http/responder.h"

namespace dhtd {

/// An operation on the table that failed.
http::Failure describe_table_error(std::error_code error);

/// A join, leave, forgetting or recovery that failed; the sentence is the node's.
http::Failure describe_cluster_error(const dht::Status& status);

/// Sends it, with a Retry-After where the same request may be sent again.
void send_failure(http::Responder& responder, const http::Failure& failure);

}  // namespace dhtd
