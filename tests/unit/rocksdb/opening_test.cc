// Directories that cannot be opened: each is refused with a sentence, and left as it was.
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dht/error.h>

#include "trial.h"

namespace dht::testing {
namespace {

/// One with something in it.
void fill(Trial& trial) {
  trial.open();
  {
    const auto partition = trial.partition();
    REQUIRE_FALSE(put(*partition, "k", "v"));
    REQUIRE_FALSE(sync(*partition));
  }
  trial.close();
}

/// A child that holds a lock on a file, as another process does that uses the directory.
class Locker {
 public:
  explicit Locker(const std::filesystem::path& path) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      const int file = ::open(path.c_str(), O_RDWR);
      struct flock lock {};
      lock.l_type = F_WRLCK;
      const bool locked = fcntl(file, F_SETLK, &lock) == 0;
      [[maybe_unused]] const ssize_t told = ::write(ready[1], locked ? "1" : "0", 1);
      for (;;)
        pause();
    }
    char locked = 0;
    REQUIRE(::read(ready[0], &locked, 1) == 1);
    REQUIRE(locked == '1');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Locker() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Locker(const Locker&) = delete;
  Locker& operator=(const Locker&) = delete;

 private:
  pid_t child_ = -1;
};

TEST_CASE("a directory of a later version is refused") {
  Trial trial;
  fill(trial);
  write_file(trial.path() / "format", "dht-rocksdb 2\n");
  const Refusal refusal = trial.require_refused();
  CHECK(refusal.code == Errc::incompatible);
  CHECK(refusal.says("has format 2, and this version knows up to 1. Nothing was changed."));
}

TEST_CASE("a garbled format file is taken for damage") {
  Trial trial;
  fill(trial);
  for (const std::string_view text : {"", "dht-rocksdb", "dht-rocksdb x\n", "dht-rocksdb 1x\n", "something else\n"}) {
    write_file(trial.path() / "format", text);
    CHECK(trial.require_refused().code == Errc::corrupt);
  }
}

TEST_CASE("a directory with other things in it is refused") {
  Trial trial;
  std::filesystem::create_directories(trial.path());
  write_file(trial.path() / "letter.txt", "dear");
  const Refusal refusal = trial.require_refused();
  CHECK(refusal.code == Errc::incompatible);
  CHECK(refusal.says("is not empty, and what is in it is not the data of a node. Nothing was changed."));
}

TEST_CASE("a directory in use by another process is refused") {
  Trial trial;
  fill(trial);
  const Locker locker(trial.path() / "LOCK");
  const Refusal refusal = trial.require_refused();
  CHECK(refusal.code == Errc::conflict);
  CHECK(refusal.says("is in use by another process. Nothing was changed. Stop that process"));
}

TEST_CASE("a directory that this process uses already is refused") {
  Trial trial;
  trial.open();
  const auto before = files_in(trial.path());
  CHECK_THROWS_AS(make_rocksdb_storage(trial.options), std::system_error);
  CHECK(files_in(trial.path()) == before);
}

TEST_CASE("a directory that cannot be created is refused with the system's code") {
  Trial trial;
  write_file(trial.path(), "a file");
  trial.options.directory += "/below";
  const std::optional<Refusal> refusal = trial.try_open();
  REQUIRE(refusal);
  CHECK(refusal->code == std::errc::not_a_directory);
  CHECK(refusal->says("cannot be used for data: Not a directory. Nothing was changed."));
  trial.options.directory.clear();
  CHECK(trial.try_open()->says("No directory was named"));
}

TEST_CASE("a directory that cannot be written is refused with the system's code") {
  Trial trial;
  // Nobody may write there, root included.
  trial.options.directory = "/proc/self/fdinfo";
  const std::optional<Refusal> refusal = trial.try_open();
  REQUIRE(refusal);
  CHECK(refusal->says("/proc/self/fdinfo"));
  trial.options.directory = "/proc/none";
  CHECK(trial.try_open()->code == std::errc::no_such_file_or_directory);
}

TEST_CASE("a database without CURRENT is not taken for none") {
  Trial trial;
  fill(trial);
  std::filesystem::remove(trial.path() / "CURRENT");
  const Refusal refusal = trial.require_refused();
  CHECK(refusal.code == Errc::corrupt);
  CHECK(refusal.says("CURRENT is missing"));
}

TEST_CASE("a directory whose founding was interrupted is founded again") {
  Trial trial;
  std::filesystem::create_directories(trial.path() / "lost+found");
  write_file(trial.path() / "format.new", "dht-ro");
  fill(trial);
  Trial second;
  std::filesystem::create_directories(second.path());
  write_file(second.path() / "format", "dht-rocksdb 1\n");
  fill(second);
}

}  // namespace
}  // namespace dht::testing
