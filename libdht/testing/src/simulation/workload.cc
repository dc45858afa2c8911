#include "workload.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace dht::testing::simulation {
namespace {

constexpr std::size_t kContestedKeys = 2;
constexpr std::size_t kPrivateKeys = 2;  ///< of each kind
constexpr int kSlower = 10;
constexpr std::size_t kBallastEntries = 5;
constexpr std::size_t kBallastBytes = 40'000;

}  // namespace

Workload::Workload(Desk& desk, const Setting& setting, std::uint64_t seed)
    : desk_(desk), setting_(setting), dice_(seed) {
  for (std::size_t i = 0; i < setting.hot_keys; ++i)
    hot_keys_.push_back(fmt::format("{{hot-{}}}", i));
  for (std::size_t i = 0; i < kContestedKeys; ++i)
    contested_keys_.push_back(fmt::format("contested-{}", i));
  home_keys_.insert(hot_keys_.begin(), hot_keys_.end());
  home_keys_.insert(contested_keys_.begin(), contested_keys_.end());
  for (std::size_t i = 0; i < setting.clients; ++i)
    add_client(i);
}

void Workload::add_client(std::size_t number) {
  clients_.push_back(std::make_unique<Client>(desk_, dice_.roll(),
                                              ClientHabits{.name = fmt::format("c{}", number),
                                                           .rest = setting_.rest,
                                                           .deadline = setting_.deadline,
                                                           .choose = [this] { return choose_home(); }}));
}

/// In the partition of the first hot key, so that what is written there comes between the pieces of a copy.
void Workload::put_ballast() {
  for (std::size_t i = 0; i < kBallastEntries; ++i) {
    Question question{.place = 0,
                      .key = fmt::format("{}-ballast-{}", hot_keys_.front(), i),
                      .deadline = setting_.deadline,
                      .padding = kBallastBytes};
    question.operation = {.kind = Operation::Kind::put, .value = "ballast", .by = "the first client"};
    desk_.ask(question, nullptr);
    home_keys_.insert(question.key);
  }
}

void Workload::start() {
  if (setting_.ballast) put_ballast();
  for (const auto& client : clients_)
    client->start();
}

void Workload::stop() {
  for (const auto& client : clients_)
    client->stop();
  for (const auto& [place, stay] : stays_)
    stay.client->stop();
}

bool Workload::is_idle() const { return desk_.under_way() == 0; }

void Workload::slow_down() {
  for (const auto& client : clients_)
    client->set_rest(setting_.rest * kSlower);
  for (const auto& [place, stay] : stays_)
    stay.client->set_rest(setting_.rest * kSlower);
}

std::optional<Target> Workload::choose_home() {
  const std::vector<std::size_t> members = desk_.world().all(Standing::member);
  if (members.empty()) return std::nullopt;
  const std::string& key = dice_.percent(15) ? dice_.pick(contested_keys_) : dice_.pick(hot_keys_);
  const std::size_t place = dice_.pick(members);
  // One that was given up and stands alone is a table of its own; this is noticed soon.
  if (!desk_.world().is_at_home(place)) return std::nullopt;
  return Target{.place = place, .key = key};
}

void Workload::begin_stay(std::size_t place) {
  Stay& stay = stays_[place];
  stay.number = stays_begun_++;
  stay.outside = desk_.world().cluster_of(place);
  stay.client =
      std::make_unique<Client>(desk_, dice_.roll(),
                               ClientHabits{.name = fmt::format("p{}", stay.number),
                                            .rest = setting_.rest,
                                            .deadline = setting_.deadline,
                                            .choose = [this, place, &stay] { return choose_private(place, stay); }});
  stay.client->start();
}

std::optional<Target> Workload::choose_private(std::size_t place, Stay& stay) {
  const ClusterId cluster = desk_.world().cluster_of(place);
  stay.was_home = stay.was_home || cluster == desk_.world().home();
  if (cluster != (stay.was_home ? desk_.world().home() : stay.outside)) return std::nullopt;
  const std::size_t drawn = dice_.below(2 * kPrivateKeys);
  if (drawn < kPrivateKeys) return Target{.place = place, .key = kept_key(stay, drawn), .may_erase = false};
  return Target{.place = place, .key = fleeting_key(stay, drawn - kPrivateKeys)};
}

bool Workload::is_luggage(std::string_view key) { return key.starts_with("kept-") || key.starts_with("fleeting-"); }

std::string Workload::kept_key(const Stay& stay, std::size_t i) { return fmt::format("kept-{}-{}", stay.number, i); }

std::string Workload::fleeting_key(const Stay& stay, std::size_t i) {
  return fmt::format("fleeting-{}-{}-{}", stay.number, stay.attempt, i);
}

void Workload::pause_stay(std::size_t place) { stays_.at(place).client->stop(); }
void Workload::resume_stay(std::size_t place) { stays_.at(place).client->start(); }
void Workload::suspend_stay(std::size_t place) {
  if (stays_.contains(place)) pause_stay(place);
}
bool Workload::take_up_stay(std::size_t place) {
  const auto found = stays_.find(place);
  if (found == stays_.end()) return false;
  Stay& stay = found->second;
  const ClusterId cluster = desk_.world().cluster_of(place);
  stay.was_home = stay.was_home || cluster == desk_.world().home();
  if (cluster != (stay.was_home ? desk_.world().home() : stay.outside)) return false;
  stay.client->start();
  return true;
}

bool Workload::fail_attempt(std::size_t place) {
  Stay& stay = stays_.at(place);
  departed_keys_.merge(keys_of(stay));
  ++stay.attempt;
  return !stay.was_home && desk_.world().cluster_of(place) == stay.outside;
}

void Workload::settle_stay(std::size_t place) {
  Stay& stay = stays_.at(place);
  stay.was_home = true;
  stay.is_settled = true;
  home_keys_.merge(keys_of(stay));
}

std::set<std::string> Workload::keys_of(const Stay& stay) {
  std::set<std::string> keys;
  for (std::size_t i = 0; i < kPrivateKeys; ++i) {
    keys.insert(kept_key(stay, i));
    keys.insert(fleeting_key(stay, i));
  }
  return keys;
}

std::set<std::string> Workload::arriving_keys() const {
  // Of a stay that has ended there may still be an operation under way.
  std::set<std::string> keys = departed_keys_;
  for (const auto& [place, stay] : stays_) {
    if (!stay.is_settled) keys.merge(keys_of(stay));
  }
  return keys;
}

void Workload::end_stay(std::size_t place) {
  auto stay = stays_.extract(place);
  if (stay.empty()) return;
  if (!stay.mapped().is_settled) departed_keys_.merge(keys_of(stay.mapped()));
  stay.mapped().client->stop();
  retired_.push_back(std::move(stay.mapped().client));
}

}  // namespace dht::testing::simulation
