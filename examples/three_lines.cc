// The smallest program with a hash table in it: a node of its own, on its own threads.
#include <iostream>

#include <dht/node.h>

int main() {
  dht::Node node{{.listen = "localhost:0"}};
  node.put("key", "value");
  std::cout << node.get("key")->value.view() << '\n';
}
