#include "config_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace dhtd {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
}

std::string without_quotes(std::string text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
  std::vector<CLI::ConfigItem> settings;
  std::string line;
  for (int number = 1; std::getline(input, line); ++number) {
    const std::string text = trimmed(line);
    if (text.empty() || text.front() == '#' || text.front() == ';') continue;
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      throw CLI::ConfigError(fmt::format("line {} of the configuration is not of the form name = value", number));
    }
    CLI::ConfigItem item;
    item.name = trimmed(std::string_view(text).substr(0, equals));
    item.inputs = {without_quotes(trimmed(std::string_view(text).substr(equals + 1)))};
    std::erase_if(settings, [&](const CLI::ConfigItem& earlier) { return earlier.name == item.name; });
    settings.push_back(std::move(item));
  }
  return settings;
}

}  // namespace dhtd
