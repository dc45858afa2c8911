// Many operations under way at once, with futures.
#include <future>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <asio/use_future.hpp>

#include <dht/asio.h>

int main() {
  dht::Node node{{.listen = "localhost:0"}};

  std::vector<std::future<dht::WriteResult>> writes;
  for (int i = 0; i < 100; ++i) {
    writes.push_back(dht::async_put(node, "key" + std::to_string(i), std::to_string(i * i), asio::use_future));
  }
  for (auto& write : writes)
    write.get();  // throws std::system_error where one failed

  std::future<std::optional<dht::Entry>> read = dht::async_get(node, "key12", asio::use_future);
  std::cout << "12 * 12 = " << read.get()->value.view() << '\n';
}
