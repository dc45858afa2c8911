#include "wire/data.h"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <dht/error.h>

#include "wire/stream.h"

namespace dht::wire {
namespace {

const RequestHeader kHeader{.request = 7, .deadline_ms = 5000, .partition = 1023, .revision = 42};
const ReplyHeader kReply{.request = 7, .code = ReplyHeader::Code::failed, .error = 3, .revision = 43};

std::vector<Change> sample_changes() {
  return {{.kind = StorageChange::Kind::put,
           .key = "k",
           .value = std::string("\0v", 2),
           .version = 13,
           .copy_of = ClusterId{14}},
          {.kind = StorageChange::Kind::erase, .key = "gone"}};
}

StreamPiece sample_piece() {
  return {.stream = {.partition = 5, .epoch = 6, .since = 7, .attempt = 15},
          .index = 8,
          .start = StreamStart::copy,
          .seq = 9,
          .committed = 4,
          .last_version = 10,
          .starts = {{1, 1}, {6, 8}},
          .merges = {{.joiner = NodeId{11}, .number = 12}},
          .changes = sample_changes()};
}

/// Every message of the kind, cut short at every byte or with a byte too many, is refused.
template <typename Decode>
void refuses_every_other_length(const std::string& bytes, Decode decode) {
  CHECK(decode(bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode(std::string_view(bytes).substr(0, size)).has_value());
  }
  CHECK_FALSE(decode(bytes + 'x').has_value());
}

TEST_CASE("requests come out as they went in") {
  const std::string get_bytes = encode(GetMessage{kHeader, "key"});
  const auto get = decode_get(get_bytes);
  REQUIRE(get);
  CHECK(get->header == kHeader);
  CHECK(get->key == "key");

  const std::string bytes = encode(WriteMessage{
      kHeader, {.kind = WriteRequest::Kind::erase, .key = "key", .value = "value"}, Precondition::matches(99)});
  const auto write = decode_write(bytes);
  REQUIRE(write);
  CHECK(write->request.kind == WriteRequest::Kind::erase);
  CHECK(write->request.key == "key");
  CHECK(write->request.value == "value");
  CHECK(write->precondition == Precondition::matches(99));
  CHECK(decode_request_header(bytes) == kHeader);

  const MergeBatch batch{.joiner = NodeId{1}, .from = ClusterId{2}, .number = 3, .changes = sample_changes()};
  const auto merge = decode_merge(encode(MergeMessage{kHeader, batch}));
  REQUIRE(merge);
  CHECK(merge->batch == batch);

  const auto drop = decode_drop_copies(encode(DropCopiesMessage{kHeader, ClusterId{8}}));
  REQUIRE(drop);
  CHECK(drop->cluster == ClusterId{8});
}

TEST_CASE("replies come out as they went in, and name their error") {
  const std::string bytes = encode(GetReply{kReply, true, 77, "value"});
  const auto get = decode_get_reply(bytes);
  REQUIRE(get);
  CHECK(get->header == kReply);
  CHECK(get->found);
  CHECK(get->version == 77);
  CHECK(get->value == "value");
  CHECK(get->header.error_code() == Errc::precondition_failed);

  const auto write = decode_write_reply(encode(WriteReply{kReply, {.version = 5, .existed = true}}));
  REQUIRE(write);
  CHECK(write->result == WriteResult{.version = 5, .existed = true});
  CHECK(decode_done_reply(encode(DoneReply{kReply}))->header == kReply);
  CHECK(ReplyHeader{.code = ReplyHeader::Code::wrong_node}.error_code() == Errc::not_applied);
  CHECK_FALSE(ReplyHeader{}.error_code());
}

TEST_CASE("a reply may name every error that there is, and no other") {
  ReplyHeader header{.request = 1, .code = ReplyHeader::Code::failed};
  for (int code = 1; code <= static_cast<int>(kLastErrc); ++code) {
    header.error = static_cast<std::uint8_t>(code);
    const auto reply = decode_write_reply(encode(WriteReply{.header = header}));
    REQUIRE(reply);
    CHECK(reply->header.error_code() == static_cast<Errc>(code));
  }
  for (const int code : {0, static_cast<int>(kLastErrc) + 1}) {
    header.error = static_cast<std::uint8_t>(code);
    CHECK_FALSE(decode_write_reply(encode(WriteReply{.header = header})));
  }
}

TEST_CASE("stream pieces and acknowledgements come out as they went in") {
  CHECK(decode_stream_piece(encode(sample_piece())) == sample_piece());
  const StreamAck ack{.stream = {.partition = 1, .epoch = 2, .since = 3}, .index = 4, .refused = true};
  CHECK(decode_stream_ack(encode(ack)) == ack);
}

TEST_CASE("what no node of ours says is refused: an empty key, a copy of no cluster, an error that is none") {
  CHECK_FALSE(decode_get(encode(GetMessage{kHeader, ""})));
  CHECK_FALSE(decode_write(encode(WriteMessage{kHeader, {.key = "", .value = "v"}, {}})));
  CHECK_FALSE(decode_drop_copies(encode(DropCopiesMessage{kHeader, ClusterId{}})));
  for (const int error : {0, static_cast<int>(kLastErrc) + 1, 255}) {
    ReplyHeader header = kReply;
    header.error = static_cast<std::uint8_t>(error);
    CHECK_FALSE(decode_done_reply(encode(DoneReply{header})));
  }
}

TEST_CASE("what is encoded for a moment has the same bytes, however large it is") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, std::size_t{3'000'000}, std::size_t{7}}) {
    const std::string value(size, 'v');
    const GetReply reply{kReply, true, 77, value};
    CHECK(encode_briefly(reply) == encode(reply));
    StreamPiece piece = sample_piece();
    piece.changes = {{.kind = StorageChange::Kind::put, .key = "k", .value = value, .version = 1}};
    CHECK(encode_briefly(piece) == encode(piece));
  }
}

TEST_CASE("what a message is about is seen without decoding it") {
  const auto subject = [](MessageType type, const std::string& bytes) {
    const auto peeked = peek_subject(static_cast<std::uint16_t>(type), bytes);
    return peeked ? std::to_string(peeked->partition) + " " + std::string(peeked->key) : "none";
  };
  CHECK(subject(MessageType::get, encode(GetMessage{kHeader, "key"})) == "1023 key");
  CHECK(subject(MessageType::write, encode(WriteMessage{kHeader, {.key = "key", .value = "v"}, {}})) == "1023 key");
  CHECK(subject(MessageType::stream_piece, encode(sample_piece())) == "5 k");
  CHECK(subject(MessageType::stream_piece, encode(StreamPiece{.stream = {.partition = 6}})) == "6 ");
  CHECK(subject(MessageType::stream_ack, encode(StreamAck{.stream = {.partition = 7}})) == "7 ");
  CHECK(subject(MessageType::done_reply, encode(DoneReply{kReply})) == "none");
  const std::string piece = encode(sample_piece());
  for (std::size_t size = 0; size < piece.size(); ++size)
    peek_subject(static_cast<std::uint16_t>(MessageType::stream_piece), std::string_view(piece).substr(0, size));
  CHECK(subject(MessageType::stream_piece, piece.substr(0, 20)) == "none");
}

TEST_CASE("a message that is cut short or too long is refused") {
  refuses_every_other_length(encode(GetMessage{kHeader, "key"}), [](auto b) { return decode_get(b); });
  refuses_every_other_length(encode(WriteMessage{kHeader, {.key = "k", .value = "v"}, {}}),
                             [](auto b) { return decode_write(b); });
  refuses_every_other_length(encode(MergeMessage{kHeader, {.changes = sample_changes()}}),
                             [](auto b) { return decode_merge(b); });
  refuses_every_other_length(encode(GetReply{kReply, true, 1, "v"}), [](auto b) { return decode_get_reply(b); });
  refuses_every_other_length(encode(sample_piece()), [](auto b) { return decode_stream_piece(b); });
}

TEST_CASE("flipped bytes never do worse than a refusal or another message") {
  std::mt19937_64 random(1);
  const std::string sound = encode(sample_piece());
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = sound;
    for (int flips = 0; flips < 3; ++flips)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (const auto piece = decode_stream_piece(bytes)) CHECK(encode(*piece).size() == bytes.size());
  }
}

}  // namespace
}  // namespace dht::wire
