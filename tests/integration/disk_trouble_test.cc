// What dhtd does where the directory is not its own, damaged, or on a disk that takes nothing more: it ends with a
// sentence, answers nothing wrong, and the other members go on.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/mount.h>

#include "support/data_files.h"
#include "support/durable_cluster.h"
#include "support/print.h"

namespace dht::integration {
namespace {

constexpr int kCannotStart = 1;
constexpr int kStorageFailed = 4;

/// Starts a process of which it is expected that it ends at once: its exit code, and that its log has the sentence.
void check_refused(NodeSetup setup, std::string_view sentence) {
  setup.name = "refused";
  TestNode node = TestNode::spawn(std::move(setup));
  node.expect_end();
  CHECK(node.process().wait(kPatience) == kCannotStart);
  CHECK_MESSAGE(node.log().find(sentence) != std::string::npos, node.log());
}

NodeSetup at(const std::filesystem::path& directory, std::vector<std::string> more = {}) {
  NodeSetup setup{.name = "a", .arguments = {"--data-dir", directory.string()}};
  setup.arguments.insert(setup.arguments.end(), more.begin(), more.end());
  return setup;
}

TEST_CASE("a directory in use is refused, and whoever uses it goes on") {
  const testing::TempDirectory folder;
  TestNode node(at(folder.path() / "data"));
  node.put("key", "value");
  check_refused(at(folder.path() / "data"), "is in use by another process");
  CHECK(node.get("key") == "value");
  node.put("key", "another");
  node.crash();
  node.restart();
  CHECK(node.get("key") == "another");
}

TEST_CASE("a directory of something else, and one of a later format, are refused and left as they are") {
  const testing::TempDirectory folder;
  const auto other = folder.path() / "other";
  std::filesystem::create_directory(other);
  write_file(other / "letter.txt", "Dear");
  const auto before = files_in(other);
  check_refused(at(other), "is not the data of a node");
  CHECK(files_in(other) == before);

  const auto data = folder.path() / "data";
  {
    TestNode node(at(data));
    node.put("key", "value");
    node.crash();
  }
  const std::string format = files_in(data).at("format");
  write_file(data / "format", "dht-rocksdb 1000\n");
  const auto later = files_in(data);
  check_refused(at(data), "has format 1000");
  CHECK(files_in(data) == later);
  write_file(data / "format", format);
  CHECK(TestNode(at(data)).get("key") == "value");
}

TEST_CASE(
    "a node that is told another number of partitions than it was founded with does not start, and loses nothing") {
  const testing::TempDirectory folder;
  const auto data = folder.path() / "data";
  {
    TestNode node(at(data, {"--partitions", "64"}));
    node.put("key", "value");
    node.crash();
  }
  check_refused(at(data, {"--partitions", "128"}), "partitions");
  TestNode again(at(data, {"--partitions", "64"}));
  CHECK(again.get("key") == "value");
  CHECK(again.view().partitions == 64);
}

/// Three members with two copies, of which the last is about to get into trouble.
struct Trouble {
  explicit Trouble(std::vector<std::string> launcher = {}, std::filesystem::path directory = {})
      : cluster({.nodes = 3,
                 .arguments = {"--partitions", "64", "--return-patience", "1", "--cache", "1M"},
                 .adjust = [launcher, directory](std::size_t node, NodeSetup& setup) {
                   if (node != 2) return;
                   setup.launcher = launcher;
                   if (!directory.empty()) setup.arguments.insert(setup.arguments.end(), {"--data-dir", directory});
                 }}) {}

  /// Waits until the last one has ended, by its own decision, and checks what is left.
  void check_others_go_on(const Entries& entries) {
    REQUIRE(eventually(
        [&] {
          const ClusterView view = cluster[0].view();
          return view.find("n2", "down") != nullptr && view.unserved + view.under_replicated == 0;
        },
        kComebackPatience));
    for (const std::size_t i : {0u, 1u})
      CHECK(difference(cluster[i], entries) == "");
  }
  /// Asks it for all keys until it has ended or answered each: with the right value, or not at all.
  void check_nothing_wrong_from_last(const Entries& entries) {
    HttpClient http = cluster.nodes()[2].new_client();
    std::size_t answered = 0;
    try {
      for (const auto& [key, value] : entries) {
        const Response response = http.get(db(key));
        if (response.status == 200 && response.body != value) FAIL_CHECK(key, " is '", response.body, "'");
        answered += response.status == 200;
      }
    } catch (const std::system_error&) {
      // It has ended.
    }
    fmt::print("{} of {} answers before its end, all right\n", answered, entries.size());
  }
  std::optional<int> last_exit() { return cluster.nodes()[2].process().wait(kPatience); }

  DurableCluster cluster;
};

Entries entries_of_a_kilobyte(std::size_t count) {
  Entries entries = make_entries("key", count);
  for (auto& [key, value] : entries)
    value.resize(1000, '.');
  return entries;
}

/// Puts entries and gives them. In the last one's directory they stand in files of entries, to be
/// damaged: what is in the log goes into such a file at the next start.
Entries fill_tables(Trouble& trouble) {
  Entries entries = entries_of_a_kilobyte(3000);
  put_all(trouble.cluster[0], entries);
  trouble.cluster[2].crash();
  trouble.cluster[2].restart();
  trouble.cluster.await_all_copies();
  return entries;
}

TEST_CASE("a node whose files are damaged while it runs ends when it reads them, and the others have all") {
  Trouble trouble;
  const Entries entries = fill_tables(trouble);
  REQUIRE(damage_tables(trouble.cluster.directory(2), 8192) > 0);
  TestNode& last = trouble.cluster.nodes()[2];
  last.expect_end();
  trouble.check_nothing_wrong_from_last(entries);
  CHECK(trouble.last_exit() == kStorageFailed);
  CHECK_MESSAGE(last.log().find("Damaged data was found") != std::string::npos, last.log());
  trouble.check_others_go_on(entries);
}

TEST_CASE("a node whose files were damaged while it was away refuses to start or ends, and the others have all") {
  Trouble trouble;
  const Entries entries = fill_tables(trouble);
  trouble.cluster[2].crash();
  REQUIRE(damage_tables(trouble.cluster.directory(2), 8192) > 0);
  NodeSetup setup = trouble.cluster.setup_of(2);
  setup.port = trouble.cluster[2].endpoint().port;
  TestNode& last = trouble.cluster.nodes()[2];
  last.start_as(setup);
  last.expect_end();
  std::optional<int> code;
  eventually([&] {
    if (last.log().find("listening on") != std::string::npos) trouble.check_nothing_wrong_from_last(entries);
    return (code = last.process().wait(0ms)).has_value();
  });
  REQUIRE(code);
  CHECK((code == kStorageFailed || code == kCannotStart));
  CHECK_MESSAGE(last.log().find("amaged") != std::string::npos, last.log());
  fmt::print("ended with {}\n", *code);
  trouble.check_others_go_on(entries);
}

/// Puts entries through the first node until the last has ended, and gives those that were acknowledged.
Entries fill_until_end(Trouble& trouble, std::size_t at_most) {
  TestNode& last = trouble.cluster.nodes()[2];
  last.expect_end();
  Entries acknowledged;
  for (std::size_t i = 0; i < at_most && last.process().running(); ++i) {
    const std::string key = fmt::format("fill{}", i);
    const std::string value(20000, static_cast<char>('a' + i % 26));
    const Response response = trouble.cluster.nodes()[0].http().put(db(key), value);
    if (response.status == 200) acknowledged[key] = value;
  }
  return acknowledged;
}

/// Gives what was acknowledged meanwhile.
Entries check_full(Trouble& trouble, const std::string& sentence) {
  Entries acknowledged = fill_until_end(trouble, 20000);
  TestNode& last = trouble.cluster.nodes()[2];
  CHECK(trouble.last_exit() == kStorageFailed);
  CHECK_MESSAGE(last.log().find(sentence) != std::string::npos, last.log());
  trouble.check_others_go_on(acknowledged);
  fmt::print("full after {} entries: {}\n", acknowledged.size(), last.log().substr(last.log().find(sentence), 120));
  return acknowledged;
}

TEST_CASE("a node whose disk takes no more ends with a sentence, the others go on, and with space it is back") {
  Trouble trouble({"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 8192; exec \"$@\"", "sh"});
  const Entries acknowledged = check_full(trouble, "The disk of");
  NodeSetup unlimited = trouble.cluster.setup_of(2);
  unlimited.launcher.clear();
  unlimited.port = trouble.cluster[2].endpoint().port;
  TestNode& last = trouble.cluster.nodes()[2];
  last.start_as(unlimited);
  last.await_listening();
  trouble.cluster.await_all_copies();
  CHECK(difference(last, acknowledged) == "");
}

/// A small disk of its own, where this process may make one.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path at) : at_(std::move(at)) {
    std::filesystem::create_directory(at_);
    is_there_ = mount("dht-test", at_.c_str(), "tmpfs", 0, "size=24m") == 0;
  }
  ~SmallDisk() {
    if (is_there_) umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_there() const { return is_there_; }

 private:
  std::filesystem::path at_;
  bool is_there_ = false;
};

TEST_CASE("a disk that is full is called so") {
  const testing::TempDirectory folder;
  const SmallDisk disk(folder.path() / "small");
  if (!disk.is_there()) {
    MESSAGE("no disk can be made here");
    return;
  }
  Trouble trouble({}, folder.path() / "small" / "data");
  check_full(trouble, "is full");
}

}  // namespace
}  // namespace dht::integration
