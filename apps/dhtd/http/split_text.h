// SplitText: a text that the parser reports in pieces. While the pieces lie side by side in the input it is a view of
// the input; only what is split over several reads is copied.
//
// Thread rule: none of its own; belongs to one parser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dhtd::http {

class SplitText {
 public:
  void append(const char* at, std::size_t size) {
    if (owned_) {
      copy_.append(at, size);
    } else if (view_.empty()) {
      view_ = {at, size};
    } else if (view_.data() + view_.size() == at) {
      view_ = {view_.data(), view_.size() + size};
    } else {
      keep();
      copy_.append(at, size);
    }
  }

  /// To be called before the input goes away: copies what lies there. Of a text that is going to have `whole` bytes no
  /// byte is copied a second time.
  void keep(std::size_t whole = 0) {
    if (owned_ || view_.empty()) return;
    copy_.reserve(whole);
    copy_.assign(view_);
    owned_ = true;
  }

  void clear() noexcept {
    view_ = {};
    if (!owned_) return;
    owned_ = false;
    if (copy_.capacity() > kKeptCapacity) {
      copy_ = {};
    } else {
      copy_.clear();
    }
  }

  std::string_view view() const noexcept { return owned_ ? std::string_view(copy_) : view_; }
  std::size_t size() const noexcept { return view().size(); }
  bool is_copy() const noexcept { return owned_; }

 private:
  /// A connection that once sent a large value does not hold that much memory for good.
  static constexpr std::size_t kKeptCapacity = 4096;

  std::string_view view_;
  std::string copy_;
  bool owned_ = false;
};

}  // namespace dhtd::http
