// The user's code: it knows the contract, not what stands behind it.
#pragma once

#include <string>
#include <string_view>

#include <dht/table.h>

inline std::string greet(dht::Table& table, std::string_view name) {
  const auto greeting = table.get("greeting");
  return (greeting ? std::string(greeting->value.view()) : "Hello") + ", " + std::string(name);
}
