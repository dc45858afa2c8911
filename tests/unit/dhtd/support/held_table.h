// HeldTable: a Table whose operations wait until the test completes them, in any order.
//
// Thread rule: one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dht/table.h>

namespace dhtd::testing {

class HeldTable final : public dht::Table {
 public:
  struct HeldGet {
    std::string key;
    dht::GetHandler handler;
  };
  struct HeldWrite {
    dht::WriteRequest::Kind kind;
    std::string key;
    std::string value;
    dht::Precondition precondition;
    dht::WriteHandler handler;
  };

  /// Completes one get.
  void answer(std::size_t index, std::string_view value, dht::Version version = 7) {
    auto handler = std::move(gets.at(index).handler);
    handler({}, dht::Entry{dht::Value(value), version});
  }

  std::vector<HeldGet> gets;
  std::vector<HeldWrite> writes;

 private:
  dht::OperationId do_get(std::string_view key, const dht::ReadOptions&, dht::GetHandler handler) override {
    gets.push_back({std::string(key), std::move(handler)});
    return gets.size();
  }
  dht::OperationId do_write(const dht::WriteRequest& request, const dht::WriteOptions& options,
                            dht::WriteHandler handler) override {
    writes.push_back(
        {request.kind, std::string(request.key), std::string(request.value), options.precondition, std::move(handler)});
    return gets.size() + writes.size();
  }
  void do_cancel(dht::OperationId) override {}
};

}  // namespace dhtd::testing
