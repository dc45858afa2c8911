// Two nodes in one program, the second joining the first; then operations with handlers, as programs use them that must
// not block.
#include <iostream>
#include <optional>
#include <system_error>

#include <dht/completion.h>
#include <dht/node.h>

int main() {
  dht::Node first{{.name = "first", .listen = "localhost:0"}};
  dht::Node second{{.name = "second", .listen = "localhost:0"}};
  second.join(to_string(first.address()));

  // A handler is called on a thread of the node. It must not block, but it may begin the next operation.
  dht::Completion done;
  first.put("greeting", "hello", [&](std::error_code error, dht::WriteResult) {
    if (error) std::cerr << "put: " << error.message() << '\n';
    second.get("greeting", [&](std::error_code read_error, std::optional<dht::Entry> entry) {
      if (read_error) std::cerr << "get: " << read_error.message() << '\n';
      if (entry) std::cout << entry->value.view() << '\n';
      done.signal();
    });
  });
  done.wait();
}
