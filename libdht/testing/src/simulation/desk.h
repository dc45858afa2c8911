// Desk: where all operations on tables are made. It keeps the histories, and judges at once what can be judged of a
// single answer.
//
// Thread rule: that of the timeline.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <dht/function.h>

#include "findings.h"
#include "ledger.h"
#include "properties/answers.h"
#include "world.h"

namespace dht::testing::simulation {

/// An operation to be made.
struct Question {
  std::size_t place = 0;
  std::string key{};
  Operation operation{};  ///< kind, value, precondition, by
  std::chrono::milliseconds deadline{0};
  std::size_t padding = 0;  ///< makes the value longer; histories show its head
  bool on_record = true;    ///< in the history of the key
};

class Desk {
 public:
  /// The operation as it was answered.
  using Answered = Function<void(const Operation&)>;

  Desk(World& world, Findings& findings) : world_(world), findings_(findings) {}
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  /// The table's name for the operation, for `cancel`. `answered` may be called before it returns.
  OperationId ask(const Question& question, Answered answered);
  /// Not answered yet, of those made through this node.
  std::size_t under_way(std::size_t place) const;
  std::size_t under_way() const noexcept { return under_way_in_all_; }
  std::size_t asked() const noexcept { return asked_; }

  Ledger& ledger() noexcept { return ledger_; }
  AnswerBook& answers() noexcept { return answers_; }
  World& world() noexcept { return world_; }
  Findings& findings() noexcept { return findings_; }

 private:
  /// An operation that is not answered yet.
  struct Open {
    std::size_t place = 0;
    AnswerBook::Ticket ticket = 0;
    /// A process that stands still takes it when it goes on, perhaps in a cluster of its own: see `is_from_elsewhere`.
    bool is_taken_later = false;
    std::optional<Ledger::Line> line{};
    Operation operation{};
    Answered answered{};
  };

  Open open(const Question& question, Answered answered);
  bool is_from_elsewhere(const Open& open);
  void close(Open& open, std::error_code error);

  World& world_;
  Findings& findings_;
  Ledger ledger_;
  AnswerBook answers_;
  std::map<std::size_t, std::size_t> under_way_;  ///< by place
  std::size_t under_way_in_all_ = 0;
  std::size_t asked_ = 0;
};

/// A value that tells its length in its head, and its head: `v7+1000....` and `v7+1000`. Where the length is not as
/// told the head says so, and is nobody's value.
std::string padded(const std::string& value, std::size_t padding);
std::string head_of(std::string_view value);

}  // namespace dht::testing::simulation
