#include <dht/error.h>

namespace dht {

namespace {

class ErrorCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "dht"; }

  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::not_applied:
        return "the request was not carried out; it may be sent again";
      case Errc::outcome_unknown:
        return "the write was on its way when it was given up: it was done or not done; read to find out";
      case Errc::precondition_failed:
        return "the entry is not as the request required; nothing was changed";
      case Errc::too_large:
        return "the key, the value or the message is larger than allowed; nothing was changed";
      case Errc::overloaded:
        return "too many requests are under way; nothing was changed, try again later";
      case Errc::cancelled:
        return "the operation was cancelled before anything was done";
      case Errc::stopped:
        return "the node has been stopped; nothing was changed";
      case Errc::conflict:
        return "another operation stands in the way; nothing was changed";
      case Errc::incompatible:
        return "the other side speaks another version or has other fixed settings; nothing was changed";
      case Errc::invalid_argument:
        return "an argument makes no sense; nothing was changed";
      case Errc::unreachable:
        return "no peer could be reached; nothing was changed";
      case Errc::corrupt:
        return "the bytes do not have the form that they must have";
      case Errc::out_of_memory:
        return "a node that would keep the entry is at its limit of memory; nothing was changed, erase entries or add "
               "nodes";
    }
    return "unknown error " + std::to_string(code);
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const ErrorCategory category;
  return category;
}

}  // namespace dht
