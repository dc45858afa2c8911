// Checks of what one partition keeps: entries, versions, marks, batches.
#include <dht/entry.h>
#include <dht/error.h>

#include "desk.h"

namespace dht::testing::checks {
namespace {

void get_returns_what_was_put(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  require(!desk.get(partition, "a"), "a key that was never put is there");
  desk.put(partition, "a", "one", 5, ClusterId{8});
  require_same(desk.get(partition, "a"), std::optional(entry_of("one", 5, ClusterId{8})), "get gives another entry");
  desk.require_shows(partition, {{"a", entry_of("one", 5, ClusterId{8})}});
}

void put_replaces(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  desk.put(partition, "a", "one", 5, ClusterId{8});
  desk.put(partition, "a", "a longer value", 6);
  desk.require_shows(partition, {{"a", entry_of("a longer value", 6)}});
  desk.put(partition, "a", "two", 4, ClusterId{9});
  desk.require_shows(partition, {{"a", entry_of("two", 4, ClusterId{9})}});
}

void erase_removes(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  desk.put(partition, "a", "one");
  desk.put(partition, "b", "two");
  desk.erase(partition, "a");
  desk.erase(partition, "a");
  desk.erase(partition, "never");
  require(!desk.get(partition, "a"), "an erased key is there");
  desk.require_shows(partition, {{"b", entry_of("two", 1)}});
}

void get_version_tells(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  require(!desk.get_version(partition, "a"), "a key that was never put has a version");
  desk.put(partition, "a", "one", 7, ClusterId{3});
  const std::optional<StoredEntry> found = desk.get_version(partition, "a");
  require(found && found->version == 7 && found->copy_of == ClusterId{3}, "get_version gives another version or mark");
  desk.erase(partition, "a");
  require(!desk.get_version(partition, "a"), "an erased key has a version");
}

void batch_applies_in_order(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  desk.put(partition, "stays", "x", 1);
  desk.put(partition, "goes", "y", 2);
  const std::array changes{erase_change("stays"),          put_change("stays", "again", 3), erase_change("stays"),
                           put_change("stays", "last", 4), put_change("goes", "z", 5),      erase_change("goes"),
                           erase_change("goes"),           put_change("new", "n", 6),       erase_change("new"),
                           erase_change("never"),          put_change("new", "m", 7)};
  desk.apply(partition, changes);
  desk.require_shows(partition, {{"stays", entry_of("last", 4)}, {"new", entry_of("m", 7)}});
}

void bad_batch_changes_nothing(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  desk.put(partition, "kept", "value", 1);
  const std::string long_key(kMaxKeyBytes + 1, 'k');
  const std::array too_long{put_change("a", "1", 1), erase_change("kept"), put_change(long_key, "2", 2)};
  require_same(desk.try_apply(partition, too_long, "state"), make_error_code(Errc::too_large),
               "a key over the limit is not refused as too large");
  const std::array no_version{put_change("a", "1", 1), put_change("b", "2", 0)};
  require(bool(desk.try_apply(partition, no_version, "state")), "a put without a version is taken");
  require(partition.state().empty(), "a batch that was refused has left its state");
  desk.require_shows(partition, {{"kept", entry_of("value", 1)}});
  desk.put(partition, "a", "after", 3);
  require(desk.get(partition, "a").has_value(), "after a batch that was refused others fail");
}

void keys_of_any_bytes(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  Model model;
  const auto add = [&](const std::string& key) {
    const std::string value = "value " + std::to_string(model.size());
    desk.put(partition, key, value, model.size() + 1);
    model[key] = entry_of(value, model.size() + 1);
  };
  add({});
  add(std::string(1, '\0'));
  add(std::string(2, '\0'));
  add(std::string(1, '\xff'));
  add(std::string(8, '\xff'));
  add(std::string(kMaxKeyBytes, '\xff'));
  add(std::string(kMaxKeyBytes, '\0'));
  add(std::string(kMaxKeyBytes - 1, '\0') + 'x');
  for (int byte = 0; byte < 256; ++byte)
    add(std::string("k") + static_cast<char>(byte));
  require(desk.contents(partition) == model, "a scan does not give keys of all bytes");
  for (const auto& [key, entry] : model)
    require(desk.get(partition, key) == entry, "a key is taken for another");
}

void empty_value_is_kept(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  desk.put(partition, "a", "", 6);
  desk.put(partition, "b", "", 7, ClusterId{1});
  desk.require_shows(partition, {{"a", entry_of("", 6)}, {"b", entry_of("", 7, ClusterId{1})}});
}

void large_values_are_kept(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  std::string large(3'000'000, 'v');
  for (std::size_t i = 0; i < large.size(); i += 97)
    large[i] = static_cast<char>(i);
  const std::array changes{put_change("large", large, 1), put_change("small", "s", 2)};
  desk.apply(partition, changes);
  desk.require_shows(partition, {{"large", entry_of(large, 1)}, {"small", entry_of("s", 2)}});
  desk.put(partition, "large", "no more", 3);
  desk.require_shows(partition, {{"large", entry_of("no more", 3)}, {"small", entry_of("s", 2)}});
}

void views_are_not_kept(Desk& desk) {
  PartitionStorage& partition = desk.partition();
  std::string key = "a key that is long enough to be somewhere else";
  std::string value = "a value that is long enough to be somewhere else";
  std::string state = "a state that is long enough to be somewhere else";
  std::vector<StorageChange> changes{put_change(key, value, 1)};
  const std::string same_key = key;
  const std::string same_value = value;
  const auto written = start_apply(partition, changes, state);
  key.assign(key.size(), '#');
  value.assign(value.size(), '#');
  state.assign(state.size(), '#');
  changes.clear();
  require(!desk.wait(written).error, "an apply has failed");
  std::string asked = same_key;
  const auto read = start_get(partition, asked);
  asked.assign(asked.size(), '#');
  require(desk.wait(read).entry == entry_of(same_value, 1), "a call has used what its caller had taken back");
}

/// Changes of all kinds at random, each checked against the model.
void random_changes(Desk& desk) {
  std::mt19937_64 random(4711);
  PartitionStorage& partition = desk.partition();
  Model model;
  for (Version round = 1; round <= 400; ++round) {
    std::vector<std::string> keys;
    std::vector<std::string> values;
    const std::size_t count = random() % 4 == 0 ? random() % 20 : 1;
    for (std::size_t i = 0; i < count; ++i) {
      keys.push_back(numbered_key(random() % 120));
      values.emplace_back(random() % 3 == 0 ? random() % 2000 : random() % 20, static_cast<char>(random()));
    }
    std::vector<StorageChange> changes;
    for (std::size_t i = 0; i < count; ++i) {
      changes.push_back(random() % 3 == 0 ? erase_change(keys[i])
                                          : put_change(keys[i], values[i], round, ClusterId{random() % 2 * 77}));
    }
    if (count > 0 && random() % 2 == 0) {
      const auto known = model.find(keys[0]);
      const std::optional<StoredEntry> found = desk.get_version(partition, keys[random() % 2 == 0 ? 0 : count - 1]);
      if (count == 1) require(found.has_value() == (known != model.end()), "get_version gives what is not there");
    }
    desk.apply(partition, changes);
    apply_to_model(model, changes);
    require(partition.statistics() == statistics_of_model(model), "the statistics are not those of the entries");
    const std::string any = numbered_key(random() % 120);
    const auto known = model.find(any);
    const std::optional<StoredEntry> found = desk.get(partition, any);
    require(known == model.end() ? !found : found == known->second, "a get does not give the last put");
  }
  desk.require_shows(partition, model);
}

}  // namespace

std::span<const StorageCheck> entry_checks() {
  using enum StorageCheck::Needs;
  static constexpr StorageCheck kChecks[] = {
      {"get returns what put stored: value, version and mark", nothing, run_body<get_returns_what_was_put>},
      {"a put takes the place of the former one, its mark included", nothing, run_body<put_replaces>},
      {"an erased key is gone, and erasing what is not there is no error", nothing, run_body<erase_removes>},
      {"get_version tells version and mark, or that there is none", nothing, run_body<get_version_tells>},
      {"changes of one batch to one key apply in their order", nothing, run_body<batch_applies_in_order>},
      {"a batch with a change that cannot be stored changes nothing", nothing, run_body<bad_batch_changes_nothing>},
      {"keys of any bytes and any length up to the limit are told apart", nothing, run_body<keys_of_any_bytes>},
      {"an empty value is kept", nothing, run_body<empty_value_is_kept>},
      {"large values are kept", nothing, run_body<large_values_are_kept>},
      {"what a call is given may be taken back when it returns", nothing, run_body<views_are_not_kept>},
      {"after changes at random reads and statistics are exact", nothing, run_body<random_changes>},
  };
  return kChecks;
}

}  // namespace dht::testing::checks
