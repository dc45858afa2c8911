// Answered once: every handler that was passed is called, and once. Lawful answers: with what its contract allows.
//
// Thread rule: one object, one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <dht/testing/history.h>

namespace dht::testing::simulation {

class AnswerBook {
 public:
  using Ticket = std::size_t;

  Ticket ask(std::string what);
  /// What is wrong: it had been answered before.
  std::optional<std::string> answer(Ticket ticket);
  /// The first that is not answered, as a sentence.
  std::optional<std::string> unanswered() const;

 private:
  struct Question {
    std::string what;
    unsigned answers = 0;
  };

  std::vector<Question> questions_;
};

/// What is wrong with answering `operation` so (dht/table.h); the outcome in it is not looked at.
std::optional<std::string> unlawful(const Operation& operation, std::error_code error);

}  // namespace dht::testing::simulation
