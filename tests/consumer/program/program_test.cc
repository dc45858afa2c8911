// With the fakes that users' own tests run on.
#include <cstdlib>

#include <dht/testing/cluster.h>
#include <dht/testing/fake_table.h>

#include "greetings.h"

int main() {
  dht::testing::FakeTable table;
  if (greet(table, "Anna") != "Hello, Anna") return EXIT_FAILURE;

  dht::testing::Cluster cluster{{.nodes = 2, .seed = 1}};
  cluster.table(0).put("greeting", "Welcome");
  return greet(cluster.table(1), "Berta") == "Welcome, Berta" ? EXIT_SUCCESS : EXIT_FAILURE;
}
