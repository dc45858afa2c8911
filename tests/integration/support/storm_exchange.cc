#include "support/storm_exchange.h"

#include <charconv>
#include <exception>
#include <system_error>

#include <fmt/format.h>

namespace dht::integration {
namespace {

using testing::Operation;
using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

Headers headers_for(const Precondition& condition) {
  switch (condition.kind) {
    case Precondition::Kind::none:
      return {};
    case Precondition::Kind::absent:
      return {{"If-None-Match", "*"}};
    case Precondition::Kind::present:
      return {{"If-Match", "*"}};
    case Precondition::Kind::version:
      break;
  }
  return {{"If-Match", fmt::format("\"{}\"", condition.version)}};
}

Response ask(HttpClient& http, std::string_view key, const Operation& operation) {
  if (operation.kind == Kind::get) return http.get(db(key));
  const Headers headers = headers_for(operation.precondition);
  if (operation.kind == Kind::put) return http.put(db(key), operation.value, headers);
  return http.del(db(key), headers);
}

std::string take_done(const Response& response, Operation& operation) {
  operation.outcome = Outcome::done;
  if (operation.kind == Kind::get) return take_answer_to_get(response, operation);
  if (operation.kind == Kind::erase) return {};
  operation.version = version_of(response);
  return operation.version == 0 ? "a put is answered with 200 and without a version" : "";
}

Exchange take(const Response& response, Operation& operation) {
  const bool is_write = operation.kind != Kind::get;
  if (response.status == 200) {
    std::string trouble = take_done(response, operation);
    return {trouble.empty() ? "done" : "unlawful", std::move(trouble)};
  }
  if (response.status == 503) {
    operation.outcome = Outcome::not_applied;
    return {"503"};
  }
  if (response.status == 504 && is_write) {
    operation.outcome = Outcome::unknown;
    operation.returned = Operation::kNever;
    return {"504"};
  }
  if (response.status == 412 && operation.precondition != Precondition{}) {
    operation.outcome = Outcome::precondition_failed;
    return {"412"};
  }
  if (is_write) operation.returned = Operation::kNever;
  return {"unlawful", fmt::format("answered with {} {}", response.status, response.body)};
}

}  // namespace

Version version_of(const Response& response) {
  const auto tag = response.header("ETag");
  if (!tag || tag->size() < 3) return 0;
  Version version = 0;
  std::from_chars(tag->data() + 1, tag->data() + tag->size() - 1, version);
  return version;
}

std::string take_answer_to_get(const Response& response, Operation& operation) {
  const Version version = version_of(response);
  operation.outcome = Outcome::done;
  if (version != 0)
    operation.entry = Entry{Value(response.body), version};
  else if (!response.body.empty())
    return "a value without a version: " + response.body;
  return {};
}

Exchange exchange(HttpClient& http, std::string_view key, const StormClock& clock, Operation& operation) {
  // What is left so where the connection breaks.
  operation.outcome = operation.kind == Kind::get ? Outcome::not_applied : Outcome::unknown;
  operation.returned = Operation::kNever;
  operation.invoked = clock.now();
  try {
    const Response response = ask(http, key, operation);
    operation.returned = clock.now();
    return take(response, operation);
  } catch (const std::system_error& error) {
    http.disconnect();
    return {error.code() == std::errc::timed_out ? "timed out" : "broken"};
  } catch (const std::exception& error) {
    http.disconnect();
    return {"unlawful", error.what()};
  }
}

}  // namespace dht::integration
