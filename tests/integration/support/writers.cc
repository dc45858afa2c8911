#include "support/writers.h"

#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace dht::integration {
namespace {

/// Before a client tries again what was refused, so that clients of nodes that are starting do not keep them from it.
constexpr std::chrono::milliseconds kBeforeTryingAgain{5};

}  // namespace

Writers::Writers(std::vector<Endpoint> nodes, std::size_t writers, std::size_t keys_each)
    : nodes_(std::move(nodes)), keys_(keys_each) {
  for (std::size_t i = 0; i < writers; ++i) {
    Writer& writer = writers_.emplace_back();
    writer.number = i;
    writer.random.seed(i);
  }
}

void Writers::start() {
  stopping_ = false;
  for (Writer& writer : writers_)
    writer.thread = std::thread([this, &writer] { run(writer); });
}

void Writers::stop() {
  stopping_ = true;
  for (Writer& writer : writers_)
    if (writer.thread.joinable()) writer.thread.join();
}

void Writers::run(Writer& writer) {
  while (!stopping_ && writer.trouble.empty()) {
    try {
      write(writer);
    } catch (const std::system_error&) {
      // Refused or broken: done or not done.
      writer.connections.clear();
      std::this_thread::sleep_for(kBeforeTryingAgain);
    }
  }
}

void Writers::write(Writer& writer) {
  const std::size_t node = writer.random() % nodes_.size();
  HttpClient& http = writer.connections.try_emplace(node, nodes_[node]).first->second;
  const std::string key = fmt::format("writer{}-{}", writer.number, writer.random() % keys_);
  const std::string value = writer.random() % 8 == 0 ? "" : std::to_string(++writer.last);
  writer.ledger.attempt(key, value);
  const Response response = value.empty() ? http.del(db(key)) : http.put(db(key), value);
  if (response.status == 200) {
    writer.ledger.acknowledge(key);
    ++acknowledged_;
  } else if (response.status == 503 || response.status == 504) {
    std::this_thread::sleep_for(kBeforeTryingAgain);
  } else {
    writer.trouble = fmt::format("{} was answered with {} {}", key, response.status, response.body);
  }
}

std::string Writers::trouble() const {
  for (const Writer& writer : writers_)
    if (!writer.trouble.empty()) return writer.trouble;
  return {};
}

std::vector<std::string> Writers::wrong(TestNode& node) {
  std::vector<std::string> sentences;
  for (Writer& writer : writers_) {
    const std::vector<std::string> keys = writer.ledger.keys();
    const std::vector<std::string> found = get_all(node, keys);
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (std::string sentence = writer.ledger.settle(keys[i], found[i]); !sentence.empty())
        sentences.push_back(std::move(sentence));
  }
  return sentences;
}

std::string Writers::judge(TestNode& node) {
  const std::vector<std::string> sentences = wrong(node);
  return sentences.empty()
             ? ""
             : fmt::format("{} keys are wrong at {}: {}", sentences.size(), node.name(), sentences.front());
}

std::size_t Writers::count_wrong(TestNode& node) { return wrong(node).size(); }

}  // namespace dht::integration
