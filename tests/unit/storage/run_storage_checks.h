// Runs the checks of dht/testing/storage_checks.h as test cases of doctest, each by its name.
//
// Thread rule: one thread.
#pragma once

#include <string>

#include <doctest/doctest.h>

#include <dht/testing/storage_checks.h>

namespace dht::testing {

/// In a TEST_CASE, alone: each check is a subcase with a subject of its own. `crashes` says whether subjects of that
/// kind have some.
template <typename MakeSubject>
void run_storage_checks(MakeSubject make_subject, bool crashes = false) {
  for (const StorageCheck& check : storage_checks()) {
    SUBCASE(std::string(check.name).c_str()) {
      const auto subject = make_subject();
      if (!applies(check, *subject, crashes)) continue;
      const std::optional<std::string> wrong = check.run(*subject);
      CHECK_MESSAGE(!wrong, check.name << ": " << wrong.value_or(""));
    }
  }
}

}  // namespace dht::testing
