#include "failure.h"

#include <utility>

#include <fmt/format.h>

#include <dht/error.h>

namespace dht::rocks {

std::error_code code_of(const rocksdb::Status& status) noexcept {
  if (status.IsCorruption()) return Errc::corrupt;
  return std::make_error_code(status.IsNoSpace() ? std::errc::no_space_on_device : std::errc::io_error);
}

Failure::~Failure() {
  std::thread teller;
  {
    const std::lock_guard lock(mutex_);
    teller = std::move(teller_);
  }
  if (teller.joinable()) teller.join();
}

std::string Failure::sentence_for(const rocksdb::Status& status, std::string_view what) const {
  constexpr std::string_view kKept =
      "Every write that was confirmed as durable is kept; from now on nothing is read or written here.";
  const std::string cause = fmt::format("{} ({})", what, status.ToString());
  if (status.IsCorruption()) {
    return fmt::format(
        "Damaged data was found in {}: {}. It was not given to anyone, and from now on nothing is read "
        "or written here. Check the disk, restore the directory from a copy or empty it (the node then "
        "fetches its entries from the others), and start the node again.",
        directory_, cause);
  }
  if (status.IsNoSpace()) {
    return fmt::format("The disk of {} is full: {}. {} Make space on the disk and start the node again.", directory_,
                       cause, kKept);
  }
  return fmt::format("The disk of {} fails: {}. {} Check the disk and start the node again.", directory_, cause, kKept);
}

void Failure::fail(const rocksdb::Status& status, std::string_view what) {
  const std::lock_guard lock(mutex_);
  if (failed_.load(std::memory_order_relaxed)) return;
  code_ = code_of(status);
  sentence_ = sentence_for(status, what);
  failed_.store(true, std::memory_order_release);
  if (handler_) teller_ = std::thread([this] { tell(); });
}

std::error_code Failure::code() const noexcept {
  const std::lock_guard lock(mutex_);
  return code_;
}

void Failure::set_handler(Function<void(std::string)> handler) {
  std::unique_lock lock(mutex_);
  // One that is being called may go on inside a handler only where it is that handler which sets another.
  told_.wait(lock, [this] { return telling_ == std::thread::id() || telling_ == std::this_thread::get_id(); });
  handler_ = std::move(handler);
  const bool call_now = failed_.load(std::memory_order_relaxed) && handler_;
  lock.unlock();
  if (call_now) tell();
}

void Failure::tell() {
  std::unique_lock lock(mutex_);
  Function<void(std::string)> handler = std::exchange(handler_, nullptr);
  if (!handler) return;
  telling_ = std::this_thread::get_id();
  const std::string sentence = sentence_;
  lock.unlock();
  handler(sentence);
  handler = nullptr;
  lock.lock();
  telling_ = {};
  told_.notify_all();
}

}  // namespace dht::rocks
