#include "wire/control.h"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "wire/tagged.h"

namespace dht::wire {

namespace {

ClusterMapPtr a_map() {
  return std::make_shared<const ClusterMap>(
      found_cluster(ClusterId{7}, {.partitions = 16}, NodeId{3}, "n3", {"localhost", 9876}));
}

bool same_map(const ClusterMapPtr& a, const ClusterMapPtr& b) { return a && b ? *a == *b : a == b; }

bool same(const Call& a, const Call& b) {
  return a.id == b.id && a.kind == b.kind && a.node == b.node && a.from == b.from && a.partitions == b.partitions &&
         a.replicas == b.replicas && a.lease_ms == b.lease_ms && a.wall_ms == b.wall_ms && a.revision == b.revision &&
         a.report == b.report && a.hand_overs == b.hand_overs && same_map(a.map, b.map) && a.voter == b.voter &&
         a.lease_ask == b.lease_ask && a.name == b.name;
}

bool same(const VoterReply& a, const VoterReply& b) {
  return a.yes == b.yes && a.promised == b.promised && a.accepted == b.accepted && a.revision == b.revision &&
         a.generation == b.generation && a.voters == b.voters && a.next_voters == b.next_voters &&
         same_map(a.map, b.map) && a.confirmed_ms_ago == b.confirmed_ms_ago;
}

bool same(const Answer& a, const Answer& b) {
  return a.id == b.id && a.error == b.error && a.try_later == b.try_later && a.message == b.message &&
         a.drop_copies == b.drop_copies && same_map(a.map, b.map) && a.members == b.members &&
         a.operations == b.operations && a.grant == b.grant && a.reply.has_value() == b.reply.has_value() &&
         (!a.reply || same(*a.reply, *b.reply));
}

bool is_for_voter(CallKind kind) {
  return kind == CallKind::prepare || kind == CallKind::accept || kind == CallKind::confirm;
}

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  Call call() {
    Call call;
    call.id = number();
    call.kind = static_cast<CallKind>(1 + random_() % static_cast<std::uint64_t>(kLastCallKind));
    call.node = {NodeId{random_() | 1}, text(), {text(), static_cast<std::uint16_t>(random_())}, NodeState::leaving};
    call.from = ClusterId{number()};
    if (coin()) call.partitions = static_cast<std::uint32_t>(number());
    if (coin()) call.replicas = static_cast<std::uint32_t>(number());
    if (coin()) call.lease_ms = static_cast<std::uint32_t>(number());
    call.wall_ms = number();
    call.revision = number();
    if (coin()) call.report = report();
    for (std::size_t n = random_() % 4; n > 0; --n)
      call.hand_overs.push_back({static_cast<PartitionId>(random_() % 16384), number()});
    if (coin() || call.kind == CallKind::push_map || call.kind == CallKind::accept) call.map = a_map();
    if (coin() || is_for_voter(call.kind)) {
      call.voter = {ClusterId{number()}, NodeId{number()}, ballot(), coin(), number(), number()};
    }
    if (coin()) call.lease_ask = {number(), number()};
    call.name = text();
    return call;
  }

  Answer answer() {
    Answer answer;
    answer.id = number();
    if (coin()) answer.error = static_cast<Errc>(1 + random_() % static_cast<std::uint64_t>(kLastErrc));
    answer.try_later = coin();
    answer.message = text();
    answer.drop_copies = coin();
    if (coin()) answer.map = a_map();
    for (std::size_t n = random_() % 4; n > 0; --n)
      answer.members.push_back({NodeId{number()}, coin(), {.entries = number(), .bytes = number()}, coin()});
    for (std::size_t n = random_() % 4; n > 0; --n)
      answer.operations.push_back({coin(), NodeId{number()}, text(), number(), number(), number()});
    if (coin()) answer.reply = reply();
    if (coin()) answer.grant = {number(), static_cast<std::uint32_t>(number())};
    return answer;
  }

 private:
  bool coin() { return random_() % 2 == 0; }
  std::uint64_t number() { return random_() >> (random_() % 64); }
  std::string text() { return std::string(random_() % 20, static_cast<char>('a' + random_() % 26)); }
  std::vector<LearnerRecord> learners() {
    std::vector<LearnerRecord> result;
    for (std::size_t n = random_() % 3; n > 0; --n)
      result.push_back({NodeId{number()}, number()});
    return result;
  }
  NodeReport report() {
    NodeReport report{.statistics = {.entries = number(), .bytes = number()}};
    report.is_full = coin();
    for (std::size_t n = random_() % 3; n > 0; --n)
      report.copies_of.push_back(ClusterId{number()});
    for (std::size_t n = random_() % 4; n > 0; --n)
      report.partitions.push_back(
          {static_cast<PartitionId>(random_() % 16384), number(), coin(), learners(), learners()});
    return report;
  }

  Ballot ballot() { return {number(), NodeId{number()}, number()}; }
  std::vector<NodeId> voters() {
    std::vector<NodeId> result;
    for (std::size_t n = random_() % 6; n > 0; --n)
      result.push_back(NodeId{number()});
    return result;
  }
  VoterReply reply() {
    VoterReply reply{.yes = coin(),
                     .promised = ballot(),
                     .accepted = ballot(),
                     .revision = number(),
                     .generation = number(),
                     .voters = voters(),
                     .next_voters = voters()};
    if (coin()) reply.map = a_map();
    if (coin()) reply.confirmed_ms_ago = number();
    return reply;
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("calls come back as they were") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Call call = Maker(seed).call();
    const auto read = decode_call(encode(call));
    REQUIRE(read);
    CHECK(same(*read, call));
  }
}

TEST_CASE("answers come back as they were") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Answer answer = Maker(seed).answer();
    const auto read = decode_answer(encode(answer));
    REQUIRE(read);
    CHECK(same(*read, answer));
  }
  CHECK(same(decode_answer("").value(), Answer{}));
}

TEST_CASE("a call without kind or caller, or one that needs a map and has none, is malformed") {
  CHECK_FALSE(decode_call(""));
  Call call;
  CHECK_FALSE(decode_call(encode(call)));
  call.node.id = NodeId{1};
  CHECK(decode_call(encode(call)));
  call.kind = CallKind{};
  CHECK_FALSE(decode_call(encode(call)));
  call.kind = static_cast<CallKind>(static_cast<int>(kLastCallKind) + 1);
  CHECK_FALSE(decode_call(encode(call)));
  call.kind = CallKind::push_map;
  CHECK_FALSE(decode_call(encode(call)));
  call.map = a_map();
  CHECK(decode_call(encode(call)));
  for (const CallKind kind : {CallKind::prepare, CallKind::accept, CallKind::confirm}) {
    call.kind = kind;
    call.voter.reset();
    CHECK_FALSE(decode_call(encode(call)));
    call.voter.emplace();
    CHECK(decode_call(encode(call)));
  }
  call.kind = CallKind::accept;
  call.map = nullptr;
  CHECK_FALSE(decode_call(encode(call)));
}

TEST_CASE("an unsound map makes the message malformed") {
  ClusterMap map = *a_map();
  map.revision = 0;
  Answer answer;
  answer.map = std::make_shared<const ClusterMap>(map);
  CHECK_FALSE(decode_answer(encode(answer)));
  Call call;
  call.node.id = NodeId{1};
  call.map = answer.map;
  CHECK_FALSE(decode_call(encode(call)));
}

TEST_CASE("an error that is none, or that this version does not know, is malformed") {
  for (const int code : {0, static_cast<int>(kLastErrc) + 1}) {
    Answer answer;
    answer.error = static_cast<Errc>(code);
    CHECK_FALSE(decode_answer(encode(answer)));
  }
}

TEST_CASE("fields of a later version are skipped, in messages and in what they hold") {
  TaggedWriter node;
  node.put_id(1, NodeId{5});
  node.put_bytes(200, "to come");
  TaggedWriter w;
  w.put_u64(1, 12);
  w.put_u64(2, static_cast<std::uint64_t>(CallKind::leave));
  w.put_message(3, node);
  w.put_bytes(100, "to come");
  const auto call = decode_call(w.view());
  REQUIRE(call);
  CHECK(call->id == 12);
  CHECK(call->kind == CallKind::leave);
  CHECK(call->node.id == NodeId{5});
}

TEST_CASE("a flood of empty list elements is refused") {
  Call call;
  call.kind = CallKind::heartbeat;
  call.node.id = NodeId{1};
  std::string bytes = encode(call);
  for (int i = 0; i < 70'000; ++i)
    bytes += std::string("\x0a\x00", 2);  // tag 10: an empty hand-over
  CHECK_FALSE(decode_call(bytes));
}

TEST_CASE("damaged messages are taken or refused, never more than that") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    Maker maker(seed);
    const std::string call = encode(maker.call());
    const std::string answer = encode(maker.answer());
    for (std::size_t cut = 0; cut < call.size(); cut += 1 + random() % 8)
      decode_call(std::string_view(call).substr(0, cut));
    for (int i = 0; i < 20; ++i) {
      std::string bytes = i % 2 == 0 ? call : answer;
      for (std::size_t n = 1 + random() % 4; n > 0; --n)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (const auto read = decode_call(bytes)) CHECK(same(*decode_call(encode(*read)), *read));
      if (const auto read = decode_answer(bytes)) CHECK(same(*decode_answer(encode(*read)), *read));
    }
  }
}

}  // namespace dht::wire
