// FileHandle: owns an open file of the system.
//
// Thread rule: none of its own.
#pragma once

#include <utility>

#include <unistd.h>

namespace dht::rocks {

class FileHandle {
 public:
  /// `number` as `open` returned it: negative where that failed.
  explicit FileHandle(int number) noexcept : number_(number) {}
  FileHandle(FileHandle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileHandle& operator=(FileHandle&&) = delete;
  ~FileHandle() {
    if (number_ >= 0) ::close(number_);
  }

  explicit operator bool() const noexcept { return number_ >= 0; }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

}  // namespace dht::rocks
