// StoppingTable: the table as HTTP clients see it while this process stops.
//
// A node that has left its cluster stands alone with a copy of its entries, which nobody will ever read again. While
// the process is on its way out that copy must not be served: a read could be stale, a write would be lost. So an
// answer counts only if the node was still in its cluster when it came, and after the leave nothing is taken any more.
//
// Thread rule: as in dht::Table.
#pragma once

#include <dht/table.h>

#include "cluster_admin.h"
#include "service_state.h"

namespace dhtd {

class StoppingTable final : public dht::Table {
 public:
  /// All must outlive this object.
  StoppingTable(dht::Table& table, const ClusterAdmin& admin, const SharedServiceState& state) noexcept
      : table_(table), admin_(admin), state_(state) {}

 private:
  dht::OperationId do_get(std::string_view key, const dht::ReadOptions& options, dht::GetHandler handler) override;
  dht::OperationId do_write(const dht::WriteRequest& request, const dht::WriteOptions& options,
                            dht::WriteHandler handler) override;
  void do_cancel(dht::OperationId operation) override { table_.cancel(operation); }
  void do_expect(std::span<const std::string_view> keys) override { table_.expect(keys); }

  dht::OperationId write(const dht::WriteRequest& request, const dht::WriteOptions& options, dht::WriteHandler handler);
  ServiceState state() const noexcept { return state_.load(std::memory_order_acquire); }

  dht::Table& table_;
  const ClusterAdmin& admin_;
  const SharedServiceState& state_;
};

}  // namespace dhtd
