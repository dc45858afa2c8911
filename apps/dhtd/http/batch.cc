#include "http/batch.h"

#include <cstddef>
#include <utility>

#include "base/assert.h"

namespace dhtd::http {

Batch::Batch(RequestHandler& handler) : handler_(handler) {
  requests_.reserve(kMostTogether);
  askers_.reserve(kMostTogether);
}

void Batch::add(const Request& request, std::shared_ptr<ResponseSink> sink, Ticket ticket) {
  DHT_ASSERT(!handling_ && !is_full());
  requests_.push_back(request);
  askers_.push_back({std::move(sink), ticket});
}

void Batch::handle() {
  DHT_ASSERT(!handling_);
  handling_ = true;
  if (requests_.size() > 1) handler_.expect(requests_);
  for (std::size_t i = 0; i < requests_.size(); ++i)
    handler_.handle(requests_[i], Responder(std::move(askers_[i].sink), askers_[i].ticket));
  requests_.clear();
  askers_.clear();
  handling_ = false;
}

}  // namespace dhtd::http
