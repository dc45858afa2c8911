// How doctest prints, in a failed check, the optional values and lists that these tests compare.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace doctest {

template <typename T>
struct StringMaker<std::optional<T>> {
  static String convert(const std::optional<T>& value) { return value ? toString(*value) : String("nothing"); }
};

template <>
struct StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& strings) {
    std::string text;
    for (const std::string& string : strings)
      text += (text.empty() ? "" : ", ") + string;
    return ("{" + text + "}").c_str();
  }
};

}  // namespace doctest
