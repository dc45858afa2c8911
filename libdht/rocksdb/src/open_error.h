// What `make_rocksdb_storage` throws: a code, and a sentence that stands alone.
//
// Thread rule: plain values.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace dht::rocks {

/// std::system_error would put the text of the code behind the sentence.
class OpenError final : public std::system_error {
 public:
  OpenError(std::error_code code, std::string sentence) : std::system_error(code), sentence_(std::move(sentence)) {}
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  std::string sentence_;
};

inline std::error_code system_code(int number) noexcept { return {number, std::generic_category()}; }

}  // namespace dht::rocks
