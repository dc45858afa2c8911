#include "wire/tagged.h"

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "wire/varint.h"

namespace dht::wire {

namespace {

enum class Colour : std::uint8_t { red, green, blue };

struct Inner {
  std::uint32_t a = 0;
  std::string b;

  bool operator==(const Inner&) const = default;
};

struct Message {
  std::uint64_t number = 0;
  std::uint32_t medium = 0;
  std::uint16_t small = 0;
  bool flag = false;
  NodeId node;
  Colour colour = Colour::red;
  std::string text;
  std::vector<std::uint64_t> list;
  std::vector<Inner> inners;

  bool operator==(const Message&) const = default;
};

std::string encode(const Message& message) {
  TaggedWriter w;
  w.put_u64(1, message.number);
  w.put_u64(2, message.medium);
  w.put_u64(3, message.small);
  w.put_bool(4, message.flag);
  w.put_id(5, message.node);
  w.put_enum(6, message.colour);
  w.put_bytes(7, message.text);
  for (const std::uint64_t element : message.list)
    w.put_u64(8, element);
  for (const Inner& inner : message.inners) {
    TaggedWriter sub;
    sub.put_u64(1, inner.a);
    sub.put_bytes(2, inner.b);
    w.put_message(900, sub);
  }
  return std::move(w).take();
}

bool decode(TaggedReader r, Inner& inner) {
  while (r.next()) {
    switch (r.tag()) {
      case 1:
        inner.a = r.u32();
        break;
      case 2:
        inner.b = r.string();
        break;
    }
  }
  return r.ok();
}

bool decode(std::string_view bytes, Message& message) {
  TaggedReader r(bytes);
  while (r.next()) {
    switch (r.tag()) {
      case 1:
        message.number = r.u64();
        break;
      case 2:
        message.medium = r.u32();
        break;
      case 3:
        message.small = r.u16();
        break;
      case 4:
        message.flag = r.boolean();
        break;
      case 5:
        message.node = r.id<NodeId>();
        break;
      case 6:
        message.colour = r.enumeration(Colour::blue);
        break;
      case 7:
        message.text = r.string();
        break;
      case 8:
        message.list.push_back(r.u64());
        break;
      case 900:
        if (!decode(r.message(), message.inners.emplace_back())) r.fail();
        break;
    }
  }
  return r.ok();
}

Message sample() {
  return {.number = 0x0123456789abcdef,
          .medium = 70'000,
          .small = 9876,
          .flag = true,
          .node = {0xf000'0000'0000'0001},
          .colour = Colour::blue,
          .text = std::string("a\0b", 3),
          .list = {0, 1, 255, 256, std::numeric_limits<std::uint64_t>::max()},
          .inners = {{1, "one"}, {}, {3, std::string(300, 'x')}}};
}

/// The fields of a message, and whether it is well formed.
bool walk(std::string_view bytes, int* fields = nullptr) {
  TaggedReader r(bytes);
  int count = 0;
  while (r.next())
    ++count;
  if (fields != nullptr) *fields = count;
  return r.ok();
}

std::string field(std::uint32_t tag, std::string_view bytes) {
  TaggedWriter w;
  w.put_bytes(tag, bytes);
  return std::move(w).take();
}

}  // namespace

TEST_CASE("varints come back as they were, in as few bytes as they need") {
  const std::array<std::pair<std::uint64_t, std::size_t>, 8> cases{{{0, 1},
                                                                    {127, 1},
                                                                    {128, 2},
                                                                    {16383, 2},
                                                                    {16384, 3},
                                                                    {0xffff'ffff, 5},
                                                                    {std::uint64_t{1} << 63, 10},
                                                                    {std::numeric_limits<std::uint64_t>::max(), 10}}};
  for (const auto& [value, size] : cases) {
    std::string bytes;
    append_varint(bytes, value);
    CHECK(bytes.size() == size);
    bytes += "rest";
    std::string_view view = bytes;
    std::uint64_t back = 1;
    REQUIRE(take_varint(view, back));
    CHECK(back == value);
    CHECK(view == "rest");
  }
}

TEST_CASE("a varint that ends too soon or is over 64 bits is refused and nothing is taken") {
  for (const std::string& bad : {std::string(), std::string("\x80"), std::string(9, '\xff'), std::string(10, '\xff'),
                                 std::string(9, '\x80') + '\x02', std::string(1000, '\x80')}) {
    std::string_view view = bad;
    std::uint64_t value = 42;
    CHECK_FALSE(take_varint(view, value));
    CHECK(value == 42);
    CHECK(view.size() == bad.size());
  }
}

TEST_CASE("a message of every kind of field comes back as it was") {
  Message back;
  REQUIRE(decode(encode(sample()), back));
  CHECK(back == sample());
  Message empty;
  REQUIRE(decode(encode(Message{}), empty));
  CHECK(empty == Message{});
}

TEST_CASE("the bytes are those that the header describes") {
  TaggedWriter w;
  w.put_u64(1, 0);
  w.put_u64(2, 0x1234);
  w.put_bytes(300, "hi");
  CHECK(w.view() == std::string_view("\x01\x00\x02\x02\x34\x12\xac\x02\x02hi", 11));
  CHECK(std::move(w).take().size() == 11);
  CHECK(w.view().empty());
}

TEST_CASE("an empty message is a sound message without fields") {
  int fields = -1;
  CHECK(walk("", &fields));
  CHECK(fields == 0);
}

TEST_CASE("unknown tags are skipped wherever they stand") {
  const std::string known = encode(sample());
  const std::string unknown = field(77, "from the future") + field(4'000'000'000, "");
  for (const std::string& bytes : {unknown + known, known + unknown}) {
    Message back;
    REQUIRE(decode(bytes, back));
    CHECK(back == sample());
  }
}

TEST_CASE("a single field that comes twice has the value of the last") {
  TaggedWriter w;
  w.put_u64(1, 5);
  w.put_u64(1, 6);
  Message back;
  REQUIRE(decode(w.view(), back));
  CHECK(back.number == 6);
}

TEST_CASE("every cut of a message that is not between two fields is noticed") {
  const std::string whole = field(1, "a") + field(2, std::string(200, 'b')) + field(300, "c");
  int sound = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    // A copy of exactly this length, so that a sanitizer sees any read past the end.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    if (walk({cut.data(), cut.size()})) ++sound;
  }
  CHECK(sound == 3);  // before the first field, and after the first and the second
}

TEST_CASE("a tag of zero, a tag over 32 bits and a length past the end are refused") {
  std::string big_tag;
  append_varint(big_tag, std::uint64_t{1} << 32);
  std::string long_length = "\x01";
  append_varint(long_length, std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(walk(std::string("\0\0", 2)));
  CHECK_FALSE(walk(big_tag + '\0'));
  CHECK_FALSE(walk(long_length + "abc"));
  CHECK_FALSE(
      walk("\x01\x04"
           "abc"));
  CHECK_FALSE(walk(field(1, "sound") + '\x07'));
}

TEST_CASE("a number that does not fit what is asked for is refused, reads as zero and ends the loop") {
  const auto refused = [](std::uint64_t value, auto read) {
    TaggedWriter w;
    w.put_u64(1, value);
    w.put_u64(2, 7);
    TaggedReader r(w.view());
    REQUIRE(r.next());
    CHECK(read(r) == 0);
    CHECK_FALSE(r.ok());
    CHECK_FALSE(r.next());
    CHECK_FALSE(r.ok());
  };
  refused(std::uint64_t{1} << 32, [](TaggedReader& r) { return r.u32(); });
  refused(65536, [](TaggedReader& r) { return r.u16(); });
  refused(2, [](TaggedReader& r) { return r.boolean() ? 1 : 0; });
  refused(3, [](TaggedReader& r) { return static_cast<int>(r.enumeration(Colour::blue)); });

  const std::string nine_bytes = field(1, "123456789");
  TaggedReader r(nine_bytes);
  REQUIRE(r.next());
  CHECK(r.u64() == 0);
  CHECK_FALSE(r.ok());
}

TEST_CASE("a fault inside a nested message is the outer one's where the caller passes it on") {
  Message back;
  CHECK_FALSE(decode(field(900, "\x01"), back));
  CHECK(decode(field(900, ""), back));
}

TEST_CASE("bytes and nested messages are borrowed from the message") {
  const std::string bytes = field(1, "payload");
  TaggedReader r(bytes);
  REQUIRE(r.next());
  CHECK(r.bytes() == "payload");
  CHECK(r.bytes().data() == bytes.data() + 2);
}

TEST_CASE("random bytes and random damage never do more than turn ok() false") {
  std::mt19937_64 random(20240511);
  const std::string whole = encode(sample());
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    if (round % 2 == 0) {
      bytes.resize(random() % 64);
      for (char& c : bytes)
        c = static_cast<char>(random());
    } else {
      for (int hits = 0; hits < 3; ++hits)
        bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    Message back;
    if (!decode(bytes, back)) {
      ++refused;
      continue;
    }
    Message again;  // what was taken is a message: written out it reads the same
    REQUIRE(decode(encode(back), again));
    CHECK(again == back);
  }
  CHECK(refused > 5000);
}

}  // namespace dht::wire
