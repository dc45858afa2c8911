#include "fault_file_system.h"

#include <filesystem>
#include <string_view>
#include <utility>

namespace dht::testing {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using Action = FaultFileSystem::Action;

class WritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(FaultFileSystem& files, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), files_(files), path_(std::move(path)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = files_.before(Action::write, path_);
    if (status.ok()) status = target()->Append(data, options, debug);
    if (status.ok()) files_.appended(path_, data.size());
    return status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    IOStatus status = files_.before(Action::sync, path_);
    if (status.ok()) files_.synced(path_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  FaultFileSystem& files_;
  const std::string path_;
};

class ReadableFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  ReadableFile(FaultFileSystem& files, std::string path, std::unique_ptr<rocksdb::FSRandomAccessFile> file)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), files_(files), path_(std::move(path)) {}

  IOStatus Read(std::uint64_t offset, std::size_t bytes, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) const override {
    const IOStatus status = files_.before(Action::read, path_);
    return status.ok() ? target()->Read(offset, bytes, options, result, scratch, debug) : status;
  }

 private:
  FaultFileSystem& files_;
  const std::string path_;
};

/// What was created, renamed or deleted is taken to stay at once.
class Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  explicit Directory(std::unique_ptr<rocksdb::FSDirectory> directory) : FSDirectoryWrapper(std::move(directory)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*, const rocksdb::DirFsyncOptions&) override {
    return IOStatus::OK();
  }
};

}  // namespace

void FaultFileSystem::fail(Action action, std::string ending, IOStatus status) {
  const std::lock_guard lock(mutex_);
  failing_ = Rule{action, std::move(ending), std::move(status)};
}

void FaultFileSystem::fail_nothing() {
  const std::lock_guard lock(mutex_);
  failing_.reset();
}

void FaultFileSystem::hold(Action action, std::string ending) {
  const std::lock_guard lock(mutex_);
  held_ = Rule{action, std::move(ending), {}};
}

void FaultFileSystem::release() {
  {
    const std::lock_guard lock(mutex_);
    held_.reset();
  }
  released_.notify_all();
}

bool FaultFileSystem::is_holding() const {
  const std::lock_guard lock(mutex_);
  return holding_ > 0;
}

std::uint64_t FaultFileSystem::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

std::uint64_t FaultFileSystem::deletions() const {
  const std::lock_guard lock(mutex_);
  return deletions_;
}

bool FaultFileSystem::await_deletion_beyond(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  return deleted_.wait_for(lock, std::chrono::seconds(60), [&] { return deletions_ > count; });
}

void FaultFileSystem::freeze() {
  const std::lock_guard lock(mutex_);
  frozen_ = true;
}

void FaultFileSystem::thaw(bool machine_crashed) {
  const std::lock_guard lock(mutex_);
  frozen_ = false;
  const std::map<std::string, Written> written = std::exchange(written_, {});
  if (!machine_crashed) return;
  for (const auto& [path, file] : written) {
    std::error_code gone;
    const std::uint64_t size = std::filesystem::file_size(path, gone);
    if (gone || size <= file.synced) continue;
    std::filesystem::resize_file(path, file.synced + random_() % (size - file.synced + 1));
  }
}

IOStatus FaultFileSystem::before(Action action, const std::string& path) {
  const auto concerns = [&](const std::optional<Rule>& rule) {
    return rule && rule->action == action && std::string_view(path).ends_with(rule->ending);
  };
  std::unique_lock lock(mutex_);
  if (concerns(held_)) {
    ++holding_;
    released_.wait(lock, [&] { return !concerns(held_); });
    --holding_;
  }
  if (frozen_ && action != Action::read) return IOStatus::IOError("the disk is gone");
  return concerns(failing_) ? failing_->status : IOStatus::OK();
}

void FaultFileSystem::appended(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  written_[path].bytes += bytes;
}

void FaultFileSystem::synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (frozen_) return;
  ++syncs_;
  written_[path].synced = written_[path].bytes;
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* debug) {
  IOStatus status = before(Action::write, path);
  std::unique_ptr<rocksdb::FSWritableFile> file;
  if (status.ok()) status = target()->NewWritableFile(path, options, &file, debug);
  if (!status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    written_[path] = {};
  }
  *made = std::make_unique<WritableFile>(*this, path, std::move(file));
  return status;
}

IOStatus FaultFileSystem::NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                              std::unique_ptr<rocksdb::FSRandomAccessFile>* made,
                                              IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  IOStatus status = target()->NewRandomAccessFile(path, options, &file, debug);
  if (status.ok()) *made = std::make_unique<ReadableFile>(*this, path, std::move(file));
  return status;
}

IOStatus FaultFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                       std::unique_ptr<rocksdb::FSDirectory>* made, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  IOStatus status = target()->NewDirectory(path, options, &directory, debug);
  if (status.ok()) *made = std::make_unique<Directory>(std::move(directory));
  return status;
}

IOStatus FaultFileSystem::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  IOStatus status = before(Action::write, path);
  if (status.ok()) status = target()->DeleteFile(path, options, debug);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  ++deletions_;
  deleted_.notify_all();
  return status;
}

IOStatus FaultFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                     IODebugContext* debug) {
  const IOStatus status = before(Action::write, from);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  if (auto moved = written_.extract(from)) {
    moved.key() = to;
    written_.erase(to);
    written_.insert(std::move(moved));
  }
  return target()->RenameFile(from, to, options, debug);
}

}  // namespace dht::testing
