// What a client was told of its keys and what it tried after that: by it what a cluster holds is judged after all of it
// was killed.
//
// Thread rule: one thread at a time.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dht::integration {

class Ledger {
 public:
  /// A write of that value is about to be sent; an empty one is a delete.
  void attempt(const std::string& key, std::string value) { may_hold(key).push_back(std::move(value)); }
  /// The last attempt was acknowledged: whatever came before it is the past.
  void acknowledge(const std::string& key) {
    std::vector<std::string>& values = may_hold(key);
    values.erase(values.begin(), values.end() - 1);
  }

  std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const auto& [key, values] : may_hold_)
      keys.push_back(key);
    return keys;
  }
  /// Judges what was found under a key when no attempt is under way: empty where it is what was acknowledged last, or
  /// was attempted after it. Then that is what the key holds, and no later find may differ.
  std::string settle(const std::string& key, const std::string& found);

 private:
  /// What was acknowledged or found last, then what was attempted since, in this order.
  std::vector<std::string>& may_hold(const std::string& key) { return may_hold_.try_emplace(key, 1).first->second; }

  std::map<std::string, std::vector<std::string>> may_hold_;
};

}  // namespace dht::integration
