// HeldServer: the router over a HeldTable and a FakeAdmin, and a Wire to speak to it.
//
// Thread rule: one thread.
#pragma once

#include "fake_admin.h"
#include "handlers/router.h"
#include "held_table.h"
#include "wire.h"

namespace dhtd::testing {

struct HeldServer {
  explicit HeldServer(http::Limits its_limits = {}) : limits(its_limits) {}

  http::Limits limits;
  SharedServiceState state{ServiceState::serving};
  HeldTable table;
  FakeAdmin admin;
  Router router{table, admin, limits, state};
  Wire wire{router, limits};
};

}  // namespace dhtd::testing
