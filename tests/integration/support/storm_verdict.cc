#include "support/storm_verdict.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <dht/testing/linearizability.h>

#include "support/interrupt.h"

namespace dht::integration {
namespace {

using testing::History;
using testing::Operation;
using Outcome = Operation::Outcome;

constexpr std::size_t kAtOnce = 64;

}  // namespace

void StormJudge::take(StormClient& client) {
  for (auto& [key, history] : client.histories())
    std::ranges::move(history, std::back_inserter(histories_[key]));
  std::ranges::copy(client.ledger(), std::back_inserter(ledger_));
}

void StormJudge::read_all() {
  for (std::size_t node = 0; node < cluster_.size(); ++node) {
    read_hot_keys(node);
    read_ledger(node);
  }
  compare_listings();
}

std::vector<Operation> StormJudge::read(std::size_t node, const std::vector<std::string>& keys) {
  throw_if_interrupted();
  HttpClient& http = cluster_[node].http();
  std::vector<std::string> requests;
  for (const std::string& key : keys)
    requests.push_back(http.format("GET", db(key)));
  std::vector<Operation> gets(keys.size());
  const Instant before = clock_.now();
  const std::vector<Response> answers = http.pipeline(requests);
  const Instant after = clock_.now();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    gets[i].invoked = before;
    gets[i].returned = after;
    gets[i].by = fmt::format("end@n{}", node);
    std::string trouble = fmt::format("status {}", answers[i].status);
    if (answers[i].status == 200) trouble = take_answer_to_get(answers[i], gets[i]);
    if (!trouble.empty()) verdict_.wrong.push_back(fmt::format("{} on n{} at the end: {}", keys[i], node, trouble));
  }
  return gets;
}

void StormJudge::read_hot_keys(std::size_t node) {
  std::vector<std::string> keys;
  const auto flush = [&] {
    const std::vector<Operation> gets = read(node, keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Version version = gets[i].entry ? gets[i].entry->version : 0;
      if (node == 0 && version != 0) found_[keys[i]] = version;
      const auto found = found_.find(keys[i]);
      if (version != (found == found_.end() ? 0 : found->second))
        verdict_.wrong.push_back(fmt::format("n0 and n{} differ at the end in {}", node, keys[i]));
      histories_[keys[i]].push_back(gets[i]);
    }
    keys.clear();
  };
  std::vector<std::string> all;
  for (const auto& [key, history] : histories_)
    all.push_back(key);
  for (const std::string& key : all) {
    keys.push_back(key);
    if (keys.size() == kAtOnce) flush();
  }
  flush();
}

void StormJudge::read_ledger(std::size_t node) {
  for (std::size_t begin = 0; begin < ledger_.size(); begin += kAtOnce) {
    const std::size_t end = std::min(begin + kAtOnce, ledger_.size());
    std::vector<std::string> keys;
    for (std::size_t i = begin; i < end; ++i)
      keys.push_back(ledger_[i].key);
    const std::vector<Operation> gets = read(node, keys);
    for (std::size_t i = begin; i < end; ++i) {
      const LedgerLine& line = ledger_[i];
      const auto& entry = gets[i - begin].entry;
      const Version version = entry ? entry->version : 0;
      if (node == 0 && entry) found_[line.key] = version;
      const auto found = found_.find(line.key);
      if (!entry && line.outcome == Outcome::done)
        lost_[line.key] += fmt::format(" n{}", node);
      else if (version != (found == found_.end() ? 0 : found->second))
        verdict_.wrong.push_back(fmt::format("n0 and n{} differ at the end in {}", node, line.key));
      if (!entry) continue;
      if (line.outcome == Outcome::not_applied)
        verdict_.wrong.push_back(fmt::format("{} on n{}: was refused, and is there", line.key, node));
      if (entry->value.view() != ledger_value(line.key) || (line.put.version != 0 && line.put.version != version))
        verdict_.wrong.push_back(fmt::format("{} on n{}: not what was put", line.key, node));
    }
  }
}

/// Every key that is there has one primary.
void StormJudge::compare_listings() {
  std::set<std::string> listed;
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    TestNode& node = cluster_[i];
    for (std::string& key : node.keys()) {
      if (!found_.contains(key))
        verdict_.wrong.push_back(fmt::format("{} lists {}, which is absent", node.name(), key));
      if (!listed.insert(key).second)
        verdict_.wrong.push_back(fmt::format("{} lists {}, which another lists, too", node.name(), key));
    }
  }
  for (const auto& [key, version] : found_)
    if (!listed.contains(key)) verdict_.wrong.push_back(fmt::format("{} is there, and no node lists it", key));
}

StormVerdict StormJudge::judge() {
  verdict_.hot_keys = histories_.size();
  verdict_.ledger_keys = ledger_.size();
  for (const auto& [key, nodes] : lost_)
    verdict_.lost.push_back(fmt::format("{} on{}", key, nodes));
  for (const auto& [key, history] : histories_) {
    throw_if_interrupted();
    verdict_.operations += history.size();
    verdict_.longest = std::max(verdict_.longest, history.size());
    verdict_.unknown += static_cast<std::size_t>(std::ranges::count_if(
        history, [](const Operation& operation) { return operation.outcome == Outcome::unknown; }));
    const testing::Judgement judgement = testing::check_linearizability(history);
    if (judgement.verdict == testing::Verdict::undecided) ++verdict_.undecided;
    if (judgement.verdict == testing::Verdict::violated)
      verdict_.violated.push_back(fmt::format("{}:\n{}", key, judgement.explanation));
  }
  return std::move(verdict_);
}

}  // namespace dht::integration
