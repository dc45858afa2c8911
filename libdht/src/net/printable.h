// Bytes from strangers, fit for a log line.
//
// Thread rule: a pure function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace dht::net {

/// The first line, at most 60 bytes of it, with a dot for every byte that is not printable ASCII.
inline std::string printable_start(std::string_view bytes) {
  constexpr std::size_t kMost = 60;
  std::string text(bytes.substr(0, std::min(bytes.find_first_of("\r\n"), kMost)));
  for (char& byte : text) {
    if (byte < ' ' || byte > '~') byte = '.';
  }
  return text;
}

}  // namespace dht::net
