#include "agreement/quorum_register.h"

#include <algorithm>

#include "agreement/quorum.h"
#include "base/assert.h"

namespace dht::agreement {

namespace {

// Two proposers that outbid each other part by chance; the longer it goes on, the further. Up to a quarter of a second:
// while there is no leader nobody may be long away.
constexpr Duration kFirstPause = std::chrono::milliseconds{4};
constexpr unsigned kMostDoublings = 6;

Duration random_pause(unsigned failures, std::uint64_t random) {
  const Duration longest = kFirstPause * (1 << std::min(failures, kMostDoublings));
  return Duration{static_cast<Duration::rep>(random % static_cast<std::uint64_t>(longest.count()))};
}

}  // namespace

QuorumRegister::QuorumRegister(NodeId self, std::uint64_t boot, Scheduler& scheduler, AskVoter ask_voter)
    : self_(self), boot_(boot), scheduler_(scheduler), ask_voter_(std::move(ask_voter)), acceptor_(self) {
  DHT_ASSERT(self && boot != 0);
}

QuorumRegister::~QuorumRegister() = default;

void QuorumRegister::become(ClusterMapPtr chosen, AcceptorState remembered) {
  DHT_ASSERT(chosen != nullptr && chosen->cluster == remembered.cluster);
  for (auto& operation : std::exchange(operations_, {})) {
    Outcome outcome = operation->given_up(known_, Errc::stopped);
    ended_.emplace_back(std::move(operation), std::move(outcome));
  }
  deliver_later();
  round_.reset();
  pause_.reset();
  deadline_.reset();
  known_ = std::move(chosen);
  acceptor_ = Acceptor(self_, std::move(remembered));
}

void QuorumRegister::learn(const ClusterMapPtr& chosen) {
  if (known_ == nullptr || chosen->cluster != known_->cluster) return;
  if (chosen->revision <= known_->revision) return;
  known_ = chosen;
  // What is waiting to try again may be settled by it: who was elected by the help of others must learn that at once.
  if (pause_) pause_ = scheduler_.call_later(Duration{}, [this] { end_pause(); });
}

wire::Answer QuorumRegister::on_call(const wire::Call& call) {
  const bool is_prepare = call.kind == wire::CallKind::prepare;
  DHT_ASSERT(is_prepare || call.kind == wire::CallKind::accept);
  const wire::VoterRequest request = call.voter.value_or(wire::VoterRequest{});
  wire::Answer answer = is_prepare ? acceptor_.prepare(request) : acceptor_.accept(request, call.map);
  if (answer.error == Errc::conflict) answer.map = known_;
  return answer;
}

void QuorumRegister::read(ReadHandler handler) {
  submit(false, nullptr,
         [handler = std::move(handler)](const Outcome& outcome) mutable { handler(outcome.error, outcome.newest); });
}

void QuorumRegister::compare_and_set(Revision expected, ClusterMapPtr next, WriteHandler handler) {
  auto change = [expected, next = std::move(next)](const ClusterMapPtr& newest) -> ClusterMapPtr {
    if (newest->revision != expected || next == nullptr) return nullptr;
    return may_follow(*newest, *next) && !violation(*next) ? next : nullptr;
  };
  submit(false, std::move(change), [expected, handler = std::move(handler)](const Outcome& outcome) mutable {
    const bool refused = outcome.error == Errc::conflict && outcome.newest->revision == expected;
    handler(refused ? make_error_code(Errc::corrupt) : outcome.error, outcome.newest);
  });
}

void QuorumRegister::elect(Round::Change change, ElectHandler handler) {
  submit(true, std::move(change), [handler = std::move(handler)](const Outcome& outcome) mutable {
    handler(outcome.error, outcome.newest, outcome.confirmed_ms_ago);
  });
}

void QuorumRegister::give_up_election() {
  const auto found = std::find_if(operations_.begin(), operations_.end(),
                                  [](const auto& operation) { return operation->is_election(); });
  if (found == operations_.end()) return;
  Outcome outcome = (*found)->given_up(known_, Errc::not_applied);
  if (found == operations_.begin()) return end_operation(std::move(outcome));
  ended_.emplace_back(std::move(*found), std::move(outcome));
  operations_.erase(found);
  deliver_later();
}

void QuorumRegister::submit(bool election, Round::Change change, Operation::Handler handler) {
  DHT_ASSERT(known_ != nullptr);
  operations_.push_back(std::make_unique<Operation>(election, std::move(change), std::move(handler)));
  if (operations_.size() == 1) begin_operation();
}

void QuorumRegister::begin_operation() {
  failures_ = 0;
  deadline_ =
      scheduler_.call_later(kPatience, [this] { end_operation(current().given_up(known_, Errc::not_applied)); });
  begin_round();
}

void QuorumRegister::begin_round() {
  Operation& operation = current();
  Round::Change change;
  if (!operation.is_read()) change = [&operation](const ClusterMapPtr& newest) { return operation.change(newest); };
  ++round_number_;
  round_known_ = known_->revision;
  round_.emplace(wire::Ballot{.counter = ++counter_, .node = self_, .boot = boot_}, known_, operation.is_election(),
                 std::move(change));
  send_asks();
}

/// An answer may come inside the question, and bring further ones.
void QuorumRegister::send_asks() {
  if (sending_) return;
  sending_ = true;
  while (round_) {
    auto asks = round_->take_asks();
    if (asks.empty()) break;
    if (round_->proposes_change()) current().on_proposed(asks.front().map);
    const std::uint64_t round = round_number_;
    for (VoterAsk& ask : asks)
      send(round, std::move(ask));
  }
  sending_ = false;
  if (round_ && round_->state() != Round::State::running) end_round();
}

void QuorumRegister::send(std::uint64_t round, VoterAsk ask) {
  const NodeId voter = ask.request.voter;
  wire::Call call;
  call.kind = ask.kind;
  call.voter = ask.request;
  call.map = std::move(ask.map);
  ask_voter_(*ask.directory, voter, std::move(call),
             [this, round, voter, kind = ask.kind](std::error_code error, const wire::Answer& answer) {
               on_answer(round, voter, kind, error, answer);
             });
}

void QuorumRegister::on_answer(std::uint64_t round, NodeId voter, wire::CallKind kind, std::error_code error,
                               const wire::Answer& answer) {
  if (answer.reply) counter_ = std::max(counter_, answer.reply->promised.counter);
  if (answer.map != nullptr) learn(answer.map);
  if (!round_ || round != round_number_) return;
  if (error || answer.error || !answer.reply) {
    round_->on_no_answer(voter, kind);
  } else {
    round_->on_reply(voter, kind, *answer.reply);
  }
  send_asks();
}

void QuorumRegister::end_round() {
  const Round round = *std::exchange(round_, std::nullopt);
  if (round.chosen() == nullptr) return try_again();
  learn(round.chosen());
  if (round.state() == Round::State::changed) {
    return end_operation({.newest = round.chosen(), .confirmed_ms_ago = round.confirmed_ms_ago()});
  }
  const bool may_change = round.state() == Round::State::written_back && !current().is_read();
  if (may_change && !current().has_succeeded(*round.chosen())) return begin_round();
  end_operation(current().settled(round.chosen()));
}

void QuorumRegister::try_again() {
  const bool wiser = known_->revision > round_known_;
  pause_ = scheduler_.call_later(wiser ? Duration{} : random_pause(failures_++, scheduler_.random()),
                                 [this] { end_pause(); });
}

void QuorumRegister::end_pause() {
  pause_.reset();
  begin_round();
}

void QuorumRegister::end_operation(Outcome outcome) {
  round_.reset();
  pause_.reset();
  deadline_.reset();
  ended_.emplace_back(std::move(operations_.front()), std::move(outcome));
  operations_.pop_front();
  deliver_later();
  if (!operations_.empty()) begin_operation();
}

void QuorumRegister::deliver_later() {
  if (!ended_.empty() && delivery_ == nullptr) delivery_ = scheduler_.call_later(Duration{}, [this] { deliver(); });
}

/// One handler at a time, since it may destroy this register.
void QuorumRegister::deliver() {
  auto [operation, outcome] = std::move(ended_.front());
  ended_.pop_front();
  delivery_.reset();
  deliver_later();
  operation->end(std::move(outcome));
}

}  // namespace dht::agreement
