// What the load is told on its command line: NAME=VALUE, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace mixed_load {

class Options {
 public:
  Options(int count, char** arguments) {
    for (int i = 1; i < count; ++i) {
      const std::string argument = arguments[i];
      const std::size_t equals = argument.find('=');
      if (equals == std::string::npos) throw std::runtime_error("'" + argument + "' is not NAME=VALUE");
      values_[argument.substr(0, equals)] = argument.substr(equals + 1);
    }
  }

  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }

  double number(const std::string& name, double otherwise) const {
    return std::stod(text(name, std::to_string(otherwise)));
  }

  std::vector<std::uint16_t> ports() const {
    std::vector<std::uint16_t> ports;
    std::istringstream list(text("ports", ""));
    for (std::string port; std::getline(list, port, ',');)
      ports.push_back(static_cast<std::uint16_t>(std::stoul(port)));
    if (ports.empty()) throw std::runtime_error("which servers? Say ports=PORT,...");
    return ports;
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace mixed_load
