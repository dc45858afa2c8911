#include "tried.h"

#include <algorithm>
#include <utility>

namespace dht::testing::history {
namespace {

bool is_subset(const Steps& part, const Steps& whole) {
  for (std::size_t word = 0; word < part.size(); ++word) {
    if ((part[word] & ~whole[word]) != 0) return false;
  }
  return true;
}

}  // namespace

std::size_t Tried::Hash::operator()(const Steps& steps) const noexcept {
  std::uint64_t hash = 0;
  for (const std::uint64_t word : steps) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return hash;
}

bool Tried::add(Steps required, EntryNumber state, const Steps& spent) {
  required.push_back(state);
  std::vector<Steps>& before = spent_[std::move(required)];
  if (std::any_of(before.begin(), before.end(), [&](const Steps& less) { return is_subset(less, spent); }))
    return false;
  before.push_back(spent);
  return true;
}

}  // namespace dht::testing::history
