// A node made from parts on the program's own io_context: no thread is added, and everything runs in `loop.run()`.
#include <exception>
#include <iostream>
#include <memory>
#include <optional>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

#include <dht/asio.h>

namespace {

asio::awaitable<void> use(dht::Table& table) {
  const dht::WriteResult written = co_await dht::async_put(table, "fruit", "apple", asio::use_awaitable);

  // Replaced only if nobody has written since.
  const dht::WriteOptions unchanged{.precondition = dht::Precondition::matches(written.version)};
  co_await dht::async_put(table, "fruit", "pear", unchanged, asio::use_awaitable);

  const std::optional<dht::Entry> entry = co_await dht::async_get(table, "fruit", asio::use_awaitable);
  std::cout << entry->value.view() << '\n';

  const dht::WriteResult erased = co_await dht::async_erase(table, "fruit", asio::use_awaitable);
  std::cout << (erased.existed ? "gone\n" : "there was nothing\n");
}

}  // namespace

int main() {
  asio::io_context loop;
  dht::AsioScheduler scheduler{loop};
  const auto transport = dht::make_tcp_transport({&loop}, {.listen = dht::Address{"localhost", 0}});
  const auto storage = dht::make_memory_storage();
  dht::Node node{{.advertise = to_string(*transport->listening())},
                 {.scheduler = &scheduler, .transport = transport.get(), .storage = storage.get()}};

  std::exception_ptr failure;
  asio::co_spawn(loop, use(node), [&](std::exception_ptr error) {
    failure = error;
    loop.stop();  // the node listens on, so the loop would never run out of work
  });
  loop.run();
  if (failure) std::rethrow_exception(failure);
}
