#include <memory>
#include <thread>

#include <doctest/doctest.h>

#include <dht/completion.h>

namespace {

using dht::Completion;

TEST_CASE("a completion is done once it has been signalled, and waiting is over at once") {
  Completion completion;
  CHECK_FALSE(completion.is_done());
  completion.signal();
  CHECK(completion.is_done());
  completion.wait();
}

TEST_CASE("the waiter sees what the other thread wrote before its signal, and may then destroy the completion") {
  for (int i = 0; i < 200; ++i) {
    auto completion = std::make_unique<Completion>();
    int written = 0;
    std::thread other([&written, signalled = completion.get()] {
      written = 7;
      signalled->signal();
    });
    completion->wait();
    completion.reset();
    CHECK(written == 7);
    other.join();
  }
}

}  // namespace
