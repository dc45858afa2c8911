#include "wire/changes.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace dht::wire {
namespace {

const std::vector<Change> kSample{{.key = "k", .value = "value", .version = 13, .copy_of = ClusterId{14}},
                                  {.kind = StorageChange::Kind::erase, .key = "gone"},
                                  {.key = std::string(300, 'x'), .value = "", .version = 15}};

std::vector<Change> owned(const Changes& changes) {
  std::vector<Change> copies;
  for (const StorageChange& change : changes)
    copies.push_back({change.kind, std::string(change.key), std::string(change.value), change.version, change.copy_of});
  return copies;
}

TEST_CASE("changes are given back as they were put in") {
  const Changes changes(kSample);
  CHECK(changes.size() == 3);
  CHECK(owned(changes) == kSample);
  CHECK(changes.front().key == "k");
  CHECK(changes == Changes(kSample));
  CHECK_FALSE(changes == Changes());
}

TEST_CASE("no changes are encoded, too, as their number alone") {
  CHECK(Changes().empty());
  CHECK(Changes(std::vector<Change>{}).empty());
  CHECK(Changes().encoded() == std::string(4, '\0'));
  CHECK(Changes().begin() == Changes().end());
}

TEST_CASE("copies share the bytes, and the last one ends them") {
  std::optional<Changes> first(kSample);
  const char* const bytes = first->encoded().data();
  Changes second = *first;
  first.reset();
  CHECK(second.encoded().data() == bytes);
  Changes third = std::move(second);
  CHECK(third.encoded().data() == bytes);
  CHECK(second.empty());
  third = Changes();
  CHECK(third.empty());
}

TEST_CASE("what is read has bytes of its own, and ends where the changes end") {
  const Changes changes(kSample);
  std::string bytes(changes.encoded());
  bytes += "more";
  FixedReader in(bytes);
  const Changes read = Changes::read(in);
  CHECK(in.ok());
  CHECK(in.rest() == "more");
  CHECK(read == changes);
  CHECK(read.encoded().data() != bytes.data());
}

TEST_CASE("bytes that are cut short, a false count and a kind that is none are refused") {
  const std::string bytes(Changes(kSample).encoded());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    FixedReader in(std::string_view(bytes).substr(0, size));
    CHECK(Changes::read(in).empty());
    CHECK_FALSE(in.ok());
  }
  for (const std::size_t place : {std::size_t{3}, std::size_t{4}}) {  // of the count, of the first kind
    std::string wrong = bytes;
    wrong[place] = '\x7f';
    FixedReader in(wrong);
    CHECK(Changes::read(in).empty());
    CHECK_FALSE(in.ok());
  }
}

}  // namespace
}  // namespace dht::wire
