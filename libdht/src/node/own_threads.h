// OwnThreads: event loops with a thread each, for a node that is not put on the program's own loop.
//
// Thread rule: one owner; `start` and `stop` once each, `stop` not from one of the loops.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

namespace dht::node {

class OwnThreads {
 public:
  explicit OwnThreads(unsigned count);
  ~OwnThreads();
  OwnThreads(const OwnThreads&) = delete;
  OwnThreads& operator=(const OwnThreads&) = delete;

  std::vector<asio::io_context*> loops() const;
  void start();
  /// When it returns no handler runs on the loops, and none will.
  void stop();

 private:
  struct Loop {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
  };
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace dht::node
