#include "node/own_threads.h"

namespace dht::node {

OwnThreads::OwnThreads(unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    loops_.push_back(std::make_unique<Loop>());
}

OwnThreads::~OwnThreads() { stop(); }

std::vector<asio::io_context*> OwnThreads::loops() const {
  std::vector<asio::io_context*> loops;
  for (const auto& loop : loops_)
    loops.push_back(&loop->context);
  return loops;
}

void OwnThreads::start() {
  for (const auto& loop : loops_) {
    threads_.emplace_back([context = &loop->context] { context->run(); });
  }
}

void OwnThreads::stop() {
  for (const auto& loop : loops_)
    loop->context.stop();
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

}  // namespace dht::node
