// What --data-dir asks for: a durable storage, where this dhtd was built with one.
//
// Thread rule: may be called from any thread.
#pragma once

#include <memory>

#include <dht/storage.h>

#include "options.h"

namespace dhtd {

/// Throws std::exception, with a sentence, where it cannot be opened, or where this program knows no durable storage.
std::unique_ptr<dht::Storage> open_data_dir(const Options& options);

}  // namespace dhtd
