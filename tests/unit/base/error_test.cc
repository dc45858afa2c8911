#include <ostream>  // doctest prints an std::error_code
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <dht/error.h>

namespace dht {

TEST_CASE("every code has a sentence of its own in the category dht") {
  CHECK(std::string(error_category().name()) == "dht");
  std::set<std::string> sentences;
  for (int code = static_cast<int>(Errc::not_applied); code <= static_cast<int>(kLastErrc); ++code) {
    const std::string sentence = error_category().message(code);
    CHECK(sentence.size() > 20);
    CHECK(sentence.find("unknown") == std::string::npos);
    CHECK(sentences.insert(sentence).second);
  }
  CHECK(error_category().message(4711) == "unknown error 4711");
}

TEST_CASE("a code becomes an std::error_code by itself and compares with it") {
  const std::error_code code = Errc::conflict;
  CHECK(code);
  CHECK(code == Errc::conflict);
  CHECK(code != Errc::stopped);
  CHECK(code.category() == error_category());
}

TEST_CASE("a status without an error is a success") {
  CHECK_FALSE(Status{});
  CHECK(Status{Errc::unreachable, "nobody there"});
}

}  // namespace dht
