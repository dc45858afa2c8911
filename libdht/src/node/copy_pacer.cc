#include "node/copy_pacer.h"

#include <utility>

namespace dht::node {
namespace {

/// For each part of the loop's time that copies take.
constexpr int kPartsForClients = 2;

}  // namespace

CopyPacer::CopyPacer(Scheduler& strand, Function<bool()> give_chunk)
    : strand_(strand), give_chunk_(std::move(give_chunk)) {}

void CopyPacer::wake() {
  if (!is_awake_ && !is_awake_.exchange(true)) strand_.post([this] { go_on(); });
}

void CopyPacer::go_on() {
  const Instant begun = strand_.now();
  if (!give_chunk_()) {
    is_awake_ = false;
    // Whoever came while it was still awake has woken nobody.
    if (!give_chunk_() || is_awake_.exchange(true)) return;
  }
  timer_ = strand_.call_later(kPartsForClients * (strand_.now() - begun), [this] { go_on(); });
}

}  // namespace dht::node
