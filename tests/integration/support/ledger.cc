#include "support/ledger.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dht::integration {

std::string Ledger::settle(const std::string& key, const std::string& found) {
  std::vector<std::string>& values = may_hold(key);
  if (std::ranges::find(values, found) == values.end())
    return fmt::format("{} holds '{}', but '{}' was acknowledged, and after it were tried: '{}'", key, found,
                       values.front(), fmt::join(values.begin() + 1, values.end(), "', '"));
  values = {found};
  return {};
}

}  // namespace dht::integration
