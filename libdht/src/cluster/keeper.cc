#include "cluster/keeper.h"

#include <string>
#include <string_view>
#include <system_error>

#include <dht/error.h>

#include "base/assert.h"
#include "wire/agreement.h"
#include "wire/tagged.h"

namespace dht::cluster {
namespace {

constexpr std::string_view kRecord = "member";

/// On disk: a tag keeps its meaning.
enum Tag : std::uint32_t {
  id = 1,
  map,
  since,
  promised,
  accepted,
  accepted_map,
  accepted_is_map,
};

std::string encode(const Remembered& all) {
  wire::TaggedWriter w;
  w.put_id(Tag::id, all.id);
  w.put_bytes(Tag::map, dht::encode(*all.map));
  w.put_u64(Tag::since, all.voter.since);
  w.put_message(Tag::promised, write(all.voter.promised));
  w.put_message(Tag::accepted, write(all.voter.accepted));
  if (all.voter.map == all.map) {
    w.put_bool(Tag::accepted_is_map, true);
  } else if (all.voter.map) {
    w.put_bytes(Tag::accepted_map, dht::encode(*all.voter.map));
  }
  return std::move(w).take();
}

std::optional<Remembered> decode(std::string_view bytes) {
  Remembered all;
  bool accepted_is_map = false;
  wire::TaggedReader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case Tag::id:
        all.id = r.id<NodeId>();
        break;
      case Tag::map:
        all.map = wire::read_map(r);
        break;
      case Tag::since:
        all.voter.since = r.u64();
        break;
      case Tag::promised:
        if (!wire::read(r.message(), all.voter.promised)) r.fail();
        break;
      case Tag::accepted:
        if (!wire::read(r.message(), all.voter.accepted)) r.fail();
        break;
      case Tag::accepted_map:
        all.voter.map = wire::read_map(r);
        break;
      case Tag::accepted_is_map:
        accepted_is_map = r.boolean();
        break;
    }
  }
  if (!r.ok() || !all.id || !all.map) return std::nullopt;
  if (accepted_is_map) all.voter.map = all.map;
  all.voter.cluster = all.map->cluster;
  const bool is_other = all.voter.map && all.voter.map->cluster != all.map->cluster;
  const bool has_map = all.voter.map != nullptr;
  if (is_other || has_map != static_cast<bool>(all.voter.accepted) || all.voter.promised < all.voter.accepted) {
    return std::nullopt;
  }
  return all;
}

bool is_same(const agreement::AcceptorState& a, const agreement::AcceptorState& b) {
  return a.cluster == b.cluster && a.since == b.since && a.promised == b.promised && a.accepted == b.accepted;
}

}  // namespace

std::optional<Remembered> recall(const Storage& storage) {
  const std::optional<std::string> record = storage.recall(kRecord);
  if (!record) return std::nullopt;
  auto all = decode(*record);
  if (!all) {
    throw std::system_error(make_error_code(Errc::corrupt),
                            "what this node has stored of itself makes no sense, so it cannot know what it has "
                            "promised; nothing was changed. Start it with an empty directory, as a new node");
  }
  return all;
}

Keeper::Keeper(Storage* storage, Scheduler& strand)
    : storage_(storage != nullptr && storage->is_durable() ? storage : nullptr),
      strand_(strand),
      alive_(std::make_shared<bool>(true)) {}

Keeper::~Keeper() = default;

void Keeper::keep(Remembered all) {
  DHT_ASSERT(all.id && all.map && all.voter.cluster == all.map->cluster);
  if (!is_durable()) return;
  all_ = std::move(all);
  note_change();
}

void Keeper::keep_map(const ClusterMapPtr& map) {
  if (!all_.map || map->cluster != all_.map->cluster || map->revision <= all_.map->revision) return;
  all_.map = map;
  note_change();
}

void Keeper::keep_voter(const agreement::AcceptorState& voter) {
  if (!all_.map || voter.cluster != all_.map->cluster || is_same(voter, all_.voter)) return;
  all_.voter = voter;
  note_change();
}

void Keeper::when_durable(Function<void()> then) {
  if (!is_durable() || durable_ == version_) return then();
  waiting_.emplace_back(version_, std::move(then));
}

void Keeper::stop() {
  alive_.reset();
  waiting_.clear();
}

void Keeper::note_change() {
  ++version_;
  if (!is_writing_) write();
}

void Keeper::write() {
  is_writing_ = true;
  const auto written = storage_->remember(
      kRecord, encode(all_), [this, version = version_, alive = std::weak_ptr(alive_)](StorageWritten later) {
        // Without an answer nothing goes on: the storage has failed, and tells the node so itself.
        if (later.error) return;
        strand_.post([this, version, alive] {
          if (alive.lock()) on_written(version);
        });
      });
  if (written && !written->error) on_written(version_);
}

void Keeper::on_written(std::uint64_t version) {
  durable_ = version;
  is_writing_ = false;
  if (version_ > durable_) write();
  while (!waiting_.empty() && waiting_.front().first <= durable_) {
    auto then = std::move(waiting_.front().second);
    waiting_.pop_front();
    then();
  }
}

}  // namespace dht::cluster
