#include "stopping_table.h"

#include <utility>

namespace dhtd {
namespace {

dht::ClusterId cluster_of(const ClusterAdmin& admin) { return admin.map()->cluster; }

}  // namespace

dht::OperationId StoppingTable::do_get(std::string_view key, const dht::ReadOptions& options, dht::GetHandler handler) {
  switch (state()) {
    case ServiceState::serving:
      return table_.get(key, options, std::move(handler));
    case ServiceState::left:
      handler(dht::Errc::stopped, std::nullopt);
      return 0;
    case ServiceState::leaving:
      break;
  }
  return table_.get(key, options,
                    [this, cluster = cluster_of(admin_), handler = std::move(handler)](
                        std::error_code error, std::optional<dht::Entry> entry) mutable {
                      if (!error && cluster_of(admin_) != cluster) return handler(dht::Errc::stopped, std::nullopt);
                      handler(error, std::move(entry));
                    });
}

dht::OperationId StoppingTable::do_write(const dht::WriteRequest& request, const dht::WriteOptions& options,
                                         dht::WriteHandler handler) {
  switch (state()) {
    case ServiceState::serving:
      return write(request, options, std::move(handler));
    case ServiceState::left:
      handler(dht::Errc::stopped, {});
      return 0;
    case ServiceState::leaving:
      break;
  }
  return write(request, options,
               [this, cluster = cluster_of(admin_), handler = std::move(handler)](std::error_code error,
                                                                                  dht::WriteResult result) mutable {
                 // Done in the cluster just before the end, or in the copy that nobody will see.
                 if (!error && cluster_of(admin_) != cluster) return handler(dht::Errc::outcome_unknown, {});
                 handler(error, result);
               });
}

dht::OperationId StoppingTable::write(const dht::WriteRequest& request, const dht::WriteOptions& options,
                                      dht::WriteHandler handler) {
  if (request.kind == dht::WriteRequest::Kind::erase) return table_.erase(request.key, options, std::move(handler));
  return table_.put(request.key, request.value, options, std::move(handler));
}

}  // namespace dhtd
