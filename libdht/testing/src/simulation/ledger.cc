#include "ledger.h"

#include <string_view>

namespace dht::testing::simulation {
namespace {

/// FNV-1a, of numbers and bytes.
class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes)
      mix(static_cast<unsigned char>(byte));
  }
  void add(std::uint64_t number) { mix(number); }
  std::uint64_t value() const noexcept { return value_; }

 private:
  void mix(std::uint64_t number) { value_ = (value_ ^ number) * 1099511628211u; }

  std::uint64_t value_ = 14695981039346656037u;
};

}  // namespace

std::uint64_t Ledger::fingerprint() const {
  Hash hash;
  for (const auto& [key, history] : histories_) {
    hash.add(key);
    for (const Operation& operation : history) {
      hash.add(static_cast<std::uint64_t>(operation.kind));
      hash.add(static_cast<std::uint64_t>(operation.outcome));
      hash.add(operation.value);
      hash.add(operation.version);
      hash.add(operation.entry ? operation.entry->version : 0);
      hash.add(static_cast<std::uint64_t>(operation.invoked.since_start.count()));
      hash.add(static_cast<std::uint64_t>(operation.returned.since_start.count()));
    }
  }
  return hash.value();
}

}  // namespace dht::testing::simulation
