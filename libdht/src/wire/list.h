// Lists in tagged messages: a field for each element.
//
// Thread rule: plain functions.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "wire/tagged.h"

namespace dht::wire {

/// No list has more elements than this, so that a flood of empty ones takes no memory.
inline constexpr std::size_t kMaxListed = 65'536;

/// Reads one element of a list out of the present field.
template <typename T>
void append(TaggedReader& r, std::vector<T>& list, bool (*decode)(TaggedReader, T&)) {
  T element;
  if (list.size() >= kMaxListed || !decode(r.message(), element)) {
    r.fail();
  } else {
    list.push_back(std::move(element));
  }
}

/// The same of ids.
template <typename Id>
void append_id(TaggedReader& r, std::vector<Id>& list) {
  const Id id = r.id<Id>();
  list.size() < kMaxListed ? list.push_back(id) : r.fail();
}

}  // namespace dht::wire
