// RequestHead: collects the head of one request while llhttp reports it in pieces, and judges it when it is complete.
//
// Pure logic; knows nothing of llhttp. Thread rule: none of its own; belongs to one parser.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "http/failure.h"
#include "http/limits.h"
#include "http/request.h"
#include "http/split_text.h"

namespace dhtd::http {

/// What the parser says of a head beside its texts.
struct HeadFacts {
  Method method = Method::other;
  unsigned major = 1;
  unsigned minor = 1;
  std::uint64_t length = 0;  ///< Content-Length
  bool keep_alive = true;
};

class RequestHead {
 public:
  explicit RequestHead(const Limits& limits) noexcept : limits_(limits) {}

  void clear() noexcept;
  /// Copies what lies in the input, which is about to go away.
  void keep();

  // Each piece as it comes. A failure ends the request.
  std::optional<Failure> add_url(const char* at, std::size_t size);
  void add_field_name(const char* at, std::size_t size) { name_.append(at, size); }
  std::optional<Failure> field_name_complete();
  void add_field_value(const char* at, std::size_t size);
  /// Of a field after the body: it counts like those of the head, and means nothing.
  std::optional<Failure> trailer_name_complete();
  /// Bytes of fields as they came, names, values, blanks and line ends.
  std::optional<Failure> count_field_bytes(std::size_t size);

  /// Judges the complete head and splits it up.
  std::optional<Failure> complete(const HeadFacts& facts);

  // Of a complete head.
  /// As the head says; zero for a body in chunks.
  std::size_t body_bytes() const noexcept { return static_cast<std::size_t>(facts_.length); }
  bool expects_continue() const noexcept { return expects_continue_; }
  std::size_t max_body_bytes() const noexcept {
    return is_value_ ? limits_.max_value_bytes : limits_.max_command_bytes;
  }
  /// Whether the path is one whose requests say something with their body.
  bool takes_body() const noexcept { return takes_body_; }
  /// The answer to a body over its limit.
  Failure body_too_large() const;
  /// Whether some of the request is no view of the input.
  bool is_copied() const noexcept;
  /// Makes `request` the one of this head, without its body.
  void fill(Request& request) const noexcept;

 private:
  std::optional<Failure> count_field();
  std::optional<Failure> check_codings(const HeadFacts& facts);
  std::string_view value(Field field) const noexcept;
  bool has(Field field) const noexcept { return (present_ & (1u << static_cast<unsigned>(field))) != 0; }

  const Limits& limits_;
  SplitText url_;
  SplitText name_;  ///< of the field that is being read
  std::array<SplitText, kFields> values_;
  std::uint16_t present_ = 0;     ///< one bit per Field
  std::optional<Field> current_;  ///< the field that is being read, where it is one of ours
  std::size_t field_bytes_ = 0;
  std::size_t fields_ = 0;
  HeadFacts facts_;
  bool expects_continue_ = false;
  bool is_value_ = false;  ///< the body is one
  bool takes_body_ = false;
};

}  // namespace dhtd::http
