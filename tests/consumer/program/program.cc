// What a user's program does: a node, an entry, and one operation through Asio.
#include <future>
#include <optional>

#include <asio/use_future.hpp>

#include <dht/asio.h>
#include <dht/node.h>

int main() {
  dht::Node node{{.listen = "localhost:0"}};
  node.put("key", "value");
  const std::optional<dht::Entry> entry = dht::async_get(node, "key", asio::use_future).get();
  return entry && entry->value.view() == "value" ? 0 : 1;
}
