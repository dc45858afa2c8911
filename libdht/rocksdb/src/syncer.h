// Syncer: makes writes durable, many at a time. All who wait are served by one sync of the log; who comes meanwhile
// waits for the next. Records of the node take the same way, since they are durable when they are complete.
//
// Thread rule: may be used from any thread. What is given as `done` is called on the syncer's thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <dht/function.h>

#include "database.h"

namespace dht::rocks {

class Syncer {
 public:
  using Done = Function<void(std::error_code)>;

  explicit Syncer(Database& database);
  /// Waits for the sync that is under way; who waits for a later one is dropped.
  ~Syncer();
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;

  /// Called when all writes that have returned before are durable, or with the error.
  void submit(Done done);
  /// Writes the record, after those given before, and makes it durable.
  void remember(std::string_view name, std::string_view record, Done done);

 private:
  struct Record {
    std::string key{};
    std::string value{};
    Done done{};
  };

  void run();
  void serve(std::vector<Done> waiting, std::deque<Record>& records);
  /// Writes records in their order and moves what is to be told to `waiting`. Stops where writes have to wait.
  void write(std::deque<Record>& records, std::vector<Done>& waiting);

  Database& database_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Done> waiting_;
  std::deque<Record> records_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dht::rocks
