// The bytes of what voters say to each other: tagged fields. The tags stand in the order in which they were given out.
#include "wire/agreement.h"

#include <cstddef>
#include <memory>
#include <utility>

namespace dht::wire {

namespace {

namespace ballot_tag {
enum : std::uint32_t { counter = 1, node, boot };
}
namespace voter_tag {
enum : std::uint32_t { cluster = 1, voter, ballot, election, known, generation };
}
namespace reply_tag {
enum : std::uint32_t {
  yes = 1,
  promised,
  accepted,
  revision,
  generation,
  voter,
  next_voter,
  map,
  confirmed_ms_ago,
};
}
namespace lease_tag {
enum : std::uint32_t { number = 1, echo, boot };
}
namespace grant_tag {
enum : std::uint32_t { number = 1, length_ms };
}

/// No cluster has more voters than this, in however long a list they come.
constexpr std::size_t kMaxVoters = 64;

void append_voter(TaggedReader& r, std::vector<NodeId>& voters) {
  if (voters.size() >= kMaxVoters) return r.fail();
  voters.push_back(r.id<NodeId>());
}

}  // namespace

ClusterMapPtr read_map(TaggedReader& r) {
  auto map = decode_cluster_map(r.bytes());
  if (map) return std::make_shared<const ClusterMap>(*std::move(map));
  r.fail();
  return nullptr;
}

TaggedWriter write(const Ballot& ballot) {
  TaggedWriter w;
  w.put_u64(ballot_tag::counter, ballot.counter);
  w.put_id(ballot_tag::node, ballot.node);
  w.put_u64(ballot_tag::boot, ballot.boot);
  return w;
}

bool read(TaggedReader r, Ballot& ballot) {
  while (r.next()) {
    switch (r.tag()) {
      case ballot_tag::counter:
        ballot.counter = r.u64();
        break;
      case ballot_tag::node:
        ballot.node = r.id<NodeId>();
        break;
      case ballot_tag::boot:
        ballot.boot = r.u64();
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const VoterRequest& request) {
  TaggedWriter w;
  w.put_id(voter_tag::cluster, request.cluster);
  w.put_id(voter_tag::voter, request.voter);
  w.put_message(voter_tag::ballot, write(request.ballot));
  w.put_bool(voter_tag::election, request.election);
  w.put_u64(voter_tag::known, request.known);
  w.put_u64(voter_tag::generation, request.generation);
  return w;
}

bool read(TaggedReader r, VoterRequest& request) {
  while (r.next()) {
    switch (r.tag()) {
      case voter_tag::cluster:
        request.cluster = r.id<ClusterId>();
        break;
      case voter_tag::voter:
        request.voter = r.id<NodeId>();
        break;
      case voter_tag::ballot:
        if (!read(r.message(), request.ballot)) r.fail();
        break;
      case voter_tag::election:
        request.election = r.boolean();
        break;
      case voter_tag::known:
        request.known = r.u64();
        break;
      case voter_tag::generation:
        request.generation = r.u64();
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const VoterReply& reply) {
  TaggedWriter w;
  w.put_bool(reply_tag::yes, reply.yes);
  w.put_message(reply_tag::promised, write(reply.promised));
  w.put_message(reply_tag::accepted, write(reply.accepted));
  w.put_u64(reply_tag::revision, reply.revision);
  w.put_u64(reply_tag::generation, reply.generation);
  for (const NodeId voter : reply.voters)
    w.put_id(reply_tag::voter, voter);
  for (const NodeId voter : reply.next_voters)
    w.put_id(reply_tag::next_voter, voter);
  if (reply.map) w.put_bytes(reply_tag::map, encode(*reply.map));
  if (reply.confirmed_ms_ago) w.put_u64(reply_tag::confirmed_ms_ago, *reply.confirmed_ms_ago);
  return w;
}

bool read(TaggedReader r, VoterReply& reply) {
  while (r.next()) {
    switch (r.tag()) {
      case reply_tag::yes:
        reply.yes = r.boolean();
        break;
      case reply_tag::promised:
        if (!read(r.message(), reply.promised)) r.fail();
        break;
      case reply_tag::accepted:
        if (!read(r.message(), reply.accepted)) r.fail();
        break;
      case reply_tag::revision:
        reply.revision = r.u64();
        break;
      case reply_tag::generation:
        reply.generation = r.u64();
        break;
      case reply_tag::voter:
        append_voter(r, reply.voters);
        break;
      case reply_tag::next_voter:
        append_voter(r, reply.next_voters);
        break;
      case reply_tag::map:
        reply.map = read_map(r);
        break;
      case reply_tag::confirmed_ms_ago:
        reply.confirmed_ms_ago = r.u64();
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const LeaseAsk& ask) {
  TaggedWriter w;
  w.put_u64(lease_tag::number, ask.number);
  w.put_u64(lease_tag::echo, ask.echo);
  w.put_u64(lease_tag::boot, ask.boot);
  return w;
}

bool read(TaggedReader r, LeaseAsk& ask) {
  while (r.next()) {
    switch (r.tag()) {
      case lease_tag::number:
        ask.number = r.u64();
        break;
      case lease_tag::echo:
        ask.echo = r.u64();
        break;
      case lease_tag::boot:
        ask.boot = r.u64();
        break;
    }
  }
  return r.ok();
}

TaggedWriter write(const LeaseGrant& grant) {
  TaggedWriter w;
  w.put_u64(grant_tag::number, grant.number);
  w.put_u64(grant_tag::length_ms, grant.length_ms);
  return w;
}

bool read(TaggedReader r, LeaseGrant& grant) {
  while (r.next()) {
    switch (r.tag()) {
      case grant_tag::number:
        grant.number = r.u64();
        break;
      case grant_tag::length_ms:
        grant.length_ms = r.u32();
        break;
    }
  }
  return r.ok();
}

}  // namespace dht::wire
