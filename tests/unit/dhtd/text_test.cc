// The pure functions on HTTP's text: targets, percent coding, lists, entity tags, time-outs.
#include "http/text.h"

#include <random>
#include <string>

#include <doctest/doctest.h>

#include "handlers/etag.h"
#include "http/burst.h"
#include "http/patience.h"
#include "http/split_text.h"
#include "http/target.h"

using namespace dhtd;
using namespace dhtd::http;

namespace {

std::string decode(std::string_view encoded) {
  std::string space;
  const auto decoded = percent_decode(encoded, space);
  return decoded ? std::string(*decoded) : "bad";
}

}  // namespace

TEST_CASE("targets split into path and query") {
  struct Case {
    const char* target;
    const char* path;
    const char* query;
  };
  for (const Case& each :
       {Case{"/", "/", ""}, Case{"/db/k?ttl=5", "/db/k", "ttl=5"}, Case{"/db/k??", "/db/k", "?"},
        Case{"/db/?", "/db/", ""}, Case{"http://h:1/db/k?q", "/db/k", "q"}, Case{"HTTP://h", "/", ""},
        Case{"https://h?q", "/", "q"}, Case{"ftp://h/x", "ftp://h/x", ""}, Case{"*", "*", ""},
        Case{"host:80", "host:80", ""}, Case{"/db/http://x/y", "/db/http://x/y", ""}}) {
    CAPTURE(each.target);
    const Target target = split_target(each.target);
    CHECK(target.path == each.path);
    CHECK(target.query == each.query);
  }
}

TEST_CASE("percent decoding takes both cases, keeps the plus and copies only where it must") {
  CHECK(decode("") == "");
  CHECK(decode("a+b") == "a+b");
  CHECK(decode("%41%6a%6A%00") == std::string("Ajj\0", 4));
  CHECK(decode("%2541") == "%41");
  for (const char* bad : {"%", "%4", "%4g", "%g4", "a%", "%%41", "%+1", "%-1"}) {
    CAPTURE(bad);
    CHECK(decode(bad) == "bad");
  }
  std::string space;
  const std::string plain = "plain";
  CHECK(percent_decode(plain, space)->data() == plain.data());
}

TEST_CASE("a query gives the decoded value of a name that it has once") {
  CHECK(query_value("name=a", "name") == "a");
  CHECK(query_value("x=1&name=a%20b%26c&y", "name") == "a b&c");
  CHECK(query_value("name=", "name") == "");
  CHECK(query_value("name", "name") == "");
  CHECK(query_value("name=a=b", "name") == "a=b");
  CHECK(query_value("&&name=localhost:9876&", "name") == "localhost:9876");
  CHECK(query_value("name=a+b", "name") == "a+b");
  for (const char* query : {"", "&", "nam=a", "names=a", "name=a&name=a", "name=a&name", "name=%4", "Name=a"}) {
    CAPTURE(query);
    CHECK_FALSE(query_value(query, "name").has_value());
  }
}

TEST_CASE("decoding gives back what was encoded, for any bytes") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    std::string bytes;
    std::string encoded;
    for (std::size_t i = random() % 50; i > 0; --i) {
      bytes.push_back(static_cast<char>(random() % 256));
      const auto byte = static_cast<unsigned char>(bytes.back());
      const bool must = byte == '%';
      if (must || random() % 2 == 0) {
        constexpr char kDigits[] = "0123456789abcdef";
        encoded += {'%', kDigits[byte / 16], kDigits[byte % 16]};
      } else {
        encoded.push_back(bytes.back());
      }
    }
    REQUIRE(decode(encoded) == bytes);
  }
}

TEST_CASE("a listed key is one line, and decodes to the key") {
  std::string line;
  append_listed_key(line, "\r\n%a b\n");
  CHECK(line == "%0D%0A%25a b%0A");
  CHECK(decode(line) == "\r\n%a b\n");
}

TEST_CASE("lists are split at commas, trimmed, and searched in any letter case") {
  CHECK(list_contains("h2c, DHT/1", "dht/1"));
  CHECK(list_contains("\tdht/1 ", "dht/1"));
  CHECK_FALSE(list_contains("dht/12", "dht/1"));
  CHECK_FALSE(list_contains("", "dht/1"));
  CHECK(trim(" \t a b\t") == "a b");
  CHECK(trim(" \t").empty());
}

TEST_CASE("an entity tag is a version in quotes, in its one spelling") {
  CHECK(parse_etag("\"1\"") == 1u);
  CHECK(parse_etag("\"18446744073709551615\"") == 18446744073709551615u);
  for (const char* other :
       {"", "\"", "\"\"", "1", "\"0\"", "\"01\"", "\"+1\"", "\"1", "\"1x\"", "W/\"1\"", "\"18446744073709551616\""}) {
    CAPTURE(other);
    CHECK_FALSE(parse_etag(other).has_value());
  }
}

TEST_CASE("a split text is a view while its pieces lie together, and survives the input when kept") {
  std::string input = "one two";
  SplitText text;
  text.append(input.data(), 3);
  text.append(input.data() + 3, 4);
  CHECK(text.view().data() == input.data());
  text.keep();
  input.assign("xxxxxxx");
  text.append("!", 1);
  CHECK(text.view() == "one two!");
  text.clear();
  CHECK(text.view().empty());
  text.append(input.data(), 1);
  text.append(input.data() + 2, 1);  // not side by side
  CHECK(text.view() == "xx");
}

TEST_CASE("patience ends when a phase has lasted its time-out without progress") {
  using Phase = Session::Phase;
  Timeouts timeouts;
  timeouts.idle = std::chrono::seconds(4);
  timeouts.header = std::chrono::seconds(2);
  timeouts.linger = std::chrono::seconds(4);
  const auto sweeps_until = [&](Phase phase) {
    Patience patience;
    patience.exhausted(phase, 1, timeouts);
    for (int sweep = 1; sweep <= 100; ++sweep) {
      if (patience.exhausted(phase, 1, timeouts)) return sweep;
    }
    return 0;
  };
  REQUIRE(timeouts.sweep_period() == std::chrono::milliseconds(500));
  CHECK(sweeps_until(Phase::head) == 4);
  CHECK(sweeps_until(Phase::body) == 8);
  CHECK(sweeps_until(Phase::writing) == 8);
  CHECK(sweeps_until(Phase::answering) == 0);

  Patience patience;
  for (std::uint64_t progress = 0; progress < 100; ++progress) {
    CHECK_FALSE(patience.exhausted(Phase::body, progress, timeouts));
    CHECK_FALSE(patience.exhausted(Phase::body, progress, timeouts));
  }
}

TEST_CASE("a burst begins once, and again after ten quiet seconds") {
  Burst burst;
  const Burst::Clock::time_point start{};
  CHECK(burst.begins(start));
  CHECK_FALSE(burst.begins(start));
  CHECK_FALSE(burst.begins(start + std::chrono::seconds(9)));
  CHECK_FALSE(burst.begins(start + std::chrono::seconds(18)));
  CHECK(burst.begins(start + std::chrono::seconds(29)));
}
