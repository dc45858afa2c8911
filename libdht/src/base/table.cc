// The blocking forms of Table, made of the forms with a handler.
#include <string>
#include <utility>

#include <dht/table.h>

namespace dht {

namespace {

/// What a handler brought to the waiting thread.
template <typename Result>
struct Outcome {
  Completion completion;
  std::error_code error;
  Result result{};

  auto handler() {
    return [this](std::error_code failure, Result value) {
      error = failure;
      result = std::move(value);
      completion.signal();
    };
  }
};

[[noreturn]] void fail(std::error_code error, const char* operation, std::string_view key) {
  constexpr std::size_t kShownBytes = 64;
  std::string sentence = std::string(operation) + " of key \"" + std::string(key.substr(0, kShownBytes));
  sentence += key.size() > kShownBytes ? "...\"" : "\"";
  throw std::system_error(error, sentence);
}

}  // namespace

std::optional<Entry> Table::get(std::string_view key, const ReadOptions& options, std::error_code& error) {
  Outcome<std::optional<Entry>> outcome;
  do_get(key, options, outcome.handler());
  do_wait(outcome.completion);
  error = outcome.error;
  return std::move(outcome.result);
}

WriteResult Table::put(std::string_view key, std::string_view value, const WriteOptions& options,
                       std::error_code& error) {
  Outcome<WriteResult> outcome;
  do_write({WriteRequest::Kind::put, key, value}, options, outcome.handler());
  do_wait(outcome.completion);
  error = outcome.error;
  return outcome.result;
}

WriteResult Table::erase(std::string_view key, const WriteOptions& options, std::error_code& error) {
  Outcome<WriteResult> outcome;
  do_write({WriteRequest::Kind::erase, key, {}}, options, outcome.handler());
  do_wait(outcome.completion);
  error = outcome.error;
  return outcome.result;
}

std::optional<Entry> Table::get(std::string_view key, const ReadOptions& options) {
  std::error_code error;
  auto entry = get(key, options, error);
  if (error) fail(error, "get", key);
  return entry;
}

WriteResult Table::put(std::string_view key, std::string_view value, const WriteOptions& options) {
  std::error_code error;
  const WriteResult result = put(key, value, options, error);
  if (error) fail(error, "put", key);
  return result;
}

WriteResult Table::erase(std::string_view key, const WriteOptions& options) {
  std::error_code error;
  const WriteResult result = erase(key, options, error);
  if (error) fail(error, "erase", key);
  return result;
}

bool Table::compare_and_set(std::string_view key, Version expected, std::string_view value) {
  WriteOptions options;
  options.precondition = expected == 0 ? Precondition::absent() : Precondition::matches(expected);
  std::error_code error;
  put(key, value, options, error);
  if (error && error != Errc::precondition_failed) fail(error, "compare_and_set", key);
  return !error;
}

}  // namespace dht
