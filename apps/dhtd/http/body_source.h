// BodySource: gives the body of a long answer piece by piece, only as fast as the client takes it.
//
// Implementations: `KeyListing` (handlers/listing.h), and the tests' own.
//
// Thread rule: `next` is called from the connection's thread, never before the piece asked for last has come. The
// handler may be called on any thread, also inside the call. The source outlives the handler.
#pragma once

#include <string>

#include <dht/function.h>

namespace dhtd::http {

struct BodyPiece {
  std::string bytes;
  bool last = false;
  bool failed = false;  ///< The rest cannot be had: the connection breaks off, so that nobody takes it for the whole.
};
using BodyPieceHandler = dht::Function<void(BodyPiece)>;

class BodySource {
 public:
  virtual ~BodySource() = default;
  /// Calls the handler exactly once.
  virtual void next(BodyPieceHandler handler) = 0;
};

}  // namespace dhtd::http
