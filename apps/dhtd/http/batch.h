// Batch: requests that one worker's connections have taken and that are not handled yet. Before the first of them is
// handled the handler is told of all: it can fetch from memory what they need while it waits anyway.
//
// Thread rule: used from the worker's thread.
#pragma once

#include <memory>
#include <vector>

#include "http/limits.h"
#include "http/request.h"
#include "http/responder.h"

namespace dhtd::http {

class Batch {
 public:
  /// The handler must outlive the batch.
  explicit Batch(RequestHandler& handler);

  bool empty() const noexcept { return requests_.empty(); }
  bool is_full() const noexcept { return requests_.size() == kMostTogether; }
  /// What the request views must be there until `handle` has returned. Not where the batch is full.
  void add(const Request& request, std::shared_ptr<ResponseSink> sink, Ticket ticket);
  /// Gives all to the handler, in the order in which they were added.
  void handle();

 private:
  struct Asker {
    std::shared_ptr<ResponseSink> sink;
    Ticket ticket;
  };

  RequestHandler& handler_;
  std::vector<Request> requests_;
  std::vector<Asker> askers_;  ///< [i] made requests_[i]
  bool handling_ = false;
};

}  // namespace dhtd::http
