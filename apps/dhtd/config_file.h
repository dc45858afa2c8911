// ConfigFile: how the file of --config is read. A line is `name = value`, and the value is the rest of the line:
// blanks, commas and brackets in it mean nothing, as on the command line; quotes around the whole of it are taken off.
// A line that begins with `#` or `;` is a comment. Where a name comes twice the last line counts.
//
// Thread rule: a pure function of its input.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace dhtd {

class ConfigFile final : public CLI::Config {
 public:
  /// Throws CLI::ConfigError where a line is not of this form.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;
  /// The options as such a file; nothing asks for it.
  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }
};

}  // namespace dhtd
