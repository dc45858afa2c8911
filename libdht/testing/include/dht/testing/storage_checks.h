// What every storage must pass: the sentences of dht/storage.h, one check or more for each.
//
// A test derives from StorageSubject, and runs each check against a new one, in a storage that holds nothing. The
// checks need no framework: each gives a sentence where something was wrong.
//
//   for (const StorageCheck& check : storage_checks()) {
//     MySubject subject;
//     if (!applies(check, subject)) continue;
//     if (const std::optional<std::string> wrong = check.run(subject)) ...
//   }
//
// Thread rule: a subject and the check that runs against it are used by one thread; with `allows_threads` the check
// starts others that call its storage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <dht/storage.h>

namespace dht::testing {

class StorageSubject {
 public:
  virtual ~StorageSubject() = default;
  virtual Storage& storage() = 0;
  /// Closes the storage, of which no partition is open, and opens it again, as a process does that was restarted.
  virtual void reopen() = 0;
  /// From now on nothing that is written stays, and calls may fail: the next `reopen` finds what a crash at this moment
  /// leaves. The partitions are still open, and are closed before that. Gives false where the subject has no crashes.
  virtual bool crash() { return false; }
  /// Waits until the condition holds, which calls that are under way bring about. Gives false where it never does. By
  /// default for storages that have threads; where the test drives a scheduler, that has to be run here.
  virtual bool run_until(const std::function<bool()>& condition);
  /// Whether the storage may be used by several threads.
  virtual bool allows_threads() const { return false; }
  /// Whether `SyncFor::answer` outlives a `crash`.
  virtual bool keeps_answers() const { return true; }
};

struct StorageCheck {
  /// What a check is about; it says nothing of other storages.
  enum class Needs : std::uint8_t { nothing, durable, crashes, threads };
  std::string_view name{};  ///< the behaviour that it shows
  Needs needs = Needs::nothing;
  /// Nothing where all is well, else what was wrong.
  std::optional<std::string> (*run)(StorageSubject& subject) = nullptr;
};

std::span<const StorageCheck> storage_checks();

/// Whether the check is about a storage like this one. `crashes` tells whether `subject.crash()` does anything.
bool applies(const StorageCheck& check, StorageSubject& subject, bool crashes = false);

}  // namespace dht::testing
