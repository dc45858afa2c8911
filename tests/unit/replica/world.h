// A world of two nodes that hold one partition in turn: a primary and its learner, the link between them, disks that
// are slow or fail, and clients. Everything that happens comes from the seed.
//
// A *term* ends by handing over (the primary stops and drains) or by losing the primary while its learner is level; the
// learner then serves, and the other node, empty or stale, becomes its learner.
//
// `Bug` plants a fault in the world, outside the replica, of the kind that a wrong replica would have: the checks must
// see it.
//
// Thread rule: one thread, no time but the number of the step.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "history.h"
#include "support.h"

namespace dht::replica::testing {

enum class Bug {
  none,
  read_past_pending,     ///< a read answers with what is applied, and waits for nothing
  chunk_overtaken,       ///< a piece of the scan arrives after the live write that followed it
  merge_numbered_again,  ///< a batch that is repeated gets a new number
};

class World {
 public:
  explicit World(std::uint64_t seed, Bug bug = Bug::none);

  /// Lives through several terms. The first thing found wrong, as a sentence; empty where nothing is.
  std::string run();

 private:
  static constexpr std::size_t kKeys = 4;
  static constexpr std::size_t kMaxOperationsPerKey = 50;  ///< by choice; reading everything now and then comes on top
  static constexpr std::array<NodeId, 2> kNodes{NodeId{1}, NodeId{2}};

  /// One client's operation, and where its answer arrives: one of the three.
  struct Call {
    std::size_t key;
    std::size_t place;  ///< in the key's history
    ReadAnswer read;
    WriteAnswer write;
    DoneAnswer merge;

    int answers() const { return read ? read->calls : write ? write->calls : merge->calls; }
  };

  Host& primary() { return *hosts_[primary_]; }
  Host& learner() { return *hosts_[1 - primary_]; }
  static std::string key_name(std::size_t key) { return "key" + std::to_string(key); }
  NodeId learner_id() const { return kNodes[1 - primary_]; }
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::size_t below(std::size_t bound) { return random_() % bound; }

  // What happens (world.cc).
  void something_happens();
  void disk_changes(Host& host);
  void disk_completes(Host& host);
  void take_pieces();
  void overtake();
  void deliver_piece();
  void deliver_ack();
  void break_link();
  void add_learner();
  void drain();
  void hand_over();
  void lose_primary();
  void begin_term(std::size_t primary);

  // What clients do and see (world_clients.cc).
  void client_acts();
  void client_reads(std::size_t key);
  void client_writes(std::size_t key);
  void client_reads_everything();
  void joiner_merges();
  void joiner_repeats();
  void somebody_marks();
  ValueId new_value() {
    versions_.push_back(0);
    return static_cast<ValueId>(versions_.size() - 1);
  }
  bool has_room(std::size_t key) const { return history_[key].size() < kMaxOperationsPerKey; }
  Operation& begin(std::size_t key, Operation::Kind kind);
  void collect_answers();
  void collect(Call& call);
  void collect_write(Operation& operation, const WriteOutcome& outcome);
  void learn_version(std::string_view value, Version version);
  bool is_open(std::size_t key) const;

  // What must hold.
  bool is_level() const;
  void check_level_learner();
  void check_equal_copies();
  void check_histories();
  void found_wrong(const std::string& sentence) {
    if (wrong_.empty()) wrong_ = sentence;
  }

  std::mt19937_64 random_;
  const Bug bug_;
  std::uint64_t now_ = 0;
  std::array<std::unique_ptr<Host>, 2> hosts_;
  std::size_t primary_ = 0;
  Epoch epoch_ = 0;
  Revision revision_ = 0;
  std::deque<wire::StreamPiece> pieces_;
  std::deque<wire::StreamAck> acks_;

  std::array<std::vector<Operation>, kKeys> history_;
  std::vector<Version> versions_{0};      ///< per ValueId; zero while unknown
  std::vector<Call> calls_;               ///< all of them: an answer may also come twice
  std::size_t first_open_ = 0;            ///< calls_ before it are answered, or lost with their primary
  std::vector<wire::MergeBatch> merges_;  ///< numbers 1, 2, ...; all but the last have been answered
  Version highest_answered_ = 0;
  Version floor_ = 0;  ///< highest_answered_ when the term began
  std::uint64_t term_began_ = 0;
  std::string wrong_;
};

}  // namespace dht::replica::testing
