// Turns: whose work may use the storage now, when the storage completes later.
//
// A *key's* operations go one after the other in order of arrival; those of other keys go on meanwhile. Work that needs
// the partition *alone* begins when no operation is with the storage, and what arrives after it waits behind it.
//
// A task is called when its turn has come. If it completes at once there is nothing more to do; if it goes to the
// storage it calls `occupy` (or `occupy_all`), and goes on inside `continue_with` (or `continue_all`), where it may
// occupy again. So while the storage completes inline nothing is recorded here. Tasks run from a loop, never from
// inside each other: a long queue needs no deep stack.
//
// Thread rule: part of the replica's monitor.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <dht/function.h>

#include "base/assert.h"
#include "replica/effects.h"

namespace dht::replica {

/// Lets maps of strings be searched by views.
struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>{}(key); }
};

class Turns {
 public:
  using Task = Function<void(Effects&)>;

  /// Whether an operation on `key` may go to the storage at once.
  bool is_free(std::string_view key) const noexcept {
    if (occupied_ || !gate_.empty()) return false;
    return keys_.empty() || keys_.find(key) == keys_.end();
  }
  /// Whether nothing is with the storage and nothing waits: what needs the partition alone may begin at once.
  bool is_idle() const noexcept { return keys_.empty() && gate_.empty() && !occupied_; }

  /// Queues an operation whose key is not free.
  void wait(std::string_view key, Task task);
  /// Queues work that needs the partition alone, and lets it begin where it can.
  void wait_alone(Task task, Effects& effects);

  /// The operation on `key` whose turn it is has gone to the storage.
  void occupy(std::string_view key);
  /// It is back: `body` goes on, and if it does not occupy the key again the next one's turn comes.
  template <typename Body>
  void continue_with(std::string_view key, Effects& effects, Body body) {
    const auto found = keys_.find(key);
    DHT_ASSERT(found != keys_.end() && found->second.occupied);
    Queue& queue = *found;  // stays where it is while the body runs, though the bytes of `key` may not
    queue.second.occupied = false;
    run_guarded(body);
    pass_on(queue);
    run(effects);
  }

  /// The same for work that has the partition alone.
  void occupy_all();
  template <typename Body>
  void continue_all(Effects& effects, Body body) {
    DHT_ASSERT(occupied_);
    occupied_ = false;
    run_guarded(body);
    run(effects);
  }

 private:
  struct KeyState {
    bool occupied = false;
    std::deque<Task> waiting;
  };
  using Keys = std::unordered_map<std::string, KeyState, KeyHash, std::equal_to<>>;
  using Queue = Keys::value_type;
  /// Waits for all, or behind one that does: then it has a key.
  struct Gated {
    std::optional<std::string> key;
    Task task;
  };

  template <typename Body>
  void run_guarded(Body& body) {
    DHT_ASSERT(!running_);
    running_ = true;
    body();
    running_ = false;
  }
  void run(Effects& effects);
  void run_one_of(Queue& queue, Effects& effects);
  bool open_gate(Effects& effects);
  void pass_on(Queue& queue);

  Keys keys_;                 ///< with an operation at the storage, or some whose turn is about to come
  std::deque<Queue*> ready_;  ///< not occupied and with waiting tasks; empty between steps
  std::deque<Gated> gate_;    ///< in order of arrival; the first waits for all
  bool occupied_ = false;     ///< work that has the partition alone is with the storage
  bool running_ = false;
};

}  // namespace dht::replica
