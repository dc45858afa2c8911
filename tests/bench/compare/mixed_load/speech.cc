#include "speech.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <stdexcept>

namespace mixed_load {
namespace {

[[noreturn]] void refused(std::string_view answer) {
  throw std::runtime_error("a request was refused: " + std::string(answer.substr(0, 500)));
}

std::size_t number_after(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) throw std::runtime_error("an answer has no " + std::string(name));
  std::size_t number = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), number);
  return number;
}

class Http : public Speech {
 public:
  Http(std::string path, std::string get_query, std::string put_head, std::string value, std::size_t servers)
      : path_(std::move(path)), get_query_(std::move(get_query)), value_(std::move(value)), servers_(servers) {
    put_tail_ = put_head + "Content-Length: " + std::to_string(value_.size()) + "\r\n\r\n" + value_;
  }

  std::string request(Kind kind, std::uint64_t key) const override {
    const std::string target = path_ + key_name(key);
    if (kind == Kind::put) return "PUT " + target + kVersion + put_tail_;
    const std::string_view method = kind == Kind::get ? "GET " : "DELETE ";
    return std::string(method) + target + (kind == Kind::get ? get_query_ : "") + kVersion + "\r\n";
  }

  Heard listen(std::string_view bytes) override {
    constexpr std::string_view kBlank = "\r\n\r\n";
    const std::size_t end = bytes.find(kBlank);
    if (end == std::string_view::npos) return Heard::part;
    if (!bytes.starts_with("HTTP/1.1 2")) refused(bytes);
    const std::size_t size = end + kBlank.size() + number_after(bytes.substr(0, end), "Content-Length: ");
    return bytes.size() < size ? Heard::part : Heard::whole;
  }

  std::size_t route(std::uint64_t) override { return next_++ % servers_; }

 private:
  static constexpr const char* kVersion = " HTTP/1.1\r\nHost: localhost\r\n";
  const std::string path_;
  const std::string get_query_;
  const std::string value_;
  const std::size_t servers_;
  std::string put_tail_;
  std::size_t next_ = 0;
};

class Redis : public Speech {
 public:
  explicit Redis(const std::vector<std::uint16_t>& ports) : ports_(ports) {}

  std::string request(Kind kind, std::uint64_t key) const override {
    const std::string name = bulk(key_name(key));
    if (kind == Kind::put) return "*3\r\n" + bulk("SET") + name + bulk(std::string(kValueBytes, 'v'));
    return "*2\r\n" + bulk(kind == Kind::get ? "GET" : "DEL") + name;
  }

  Heard listen(std::string_view bytes) override {
    const std::size_t end = bytes.find("\r\n");
    if (end == std::string_view::npos) return Heard::part;
    if (bytes.starts_with("-MOVED ")) return moved(bytes.substr(0, end));
    if (bytes.starts_with("-")) refused(bytes);
    if (!bytes.starts_with("$") || bytes.starts_with("$-1")) return Heard::whole;
    return bytes.size() < end + 2 + number_after(bytes, "$") + 2 ? Heard::part : Heard::whole;
  }

  std::size_t route(std::uint64_t key) override { return owners_[slot_of(key_name(key))]; }

 private:
  static constexpr std::size_t kSlots = 16384;

  static std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  }

  /// CRC-16 with the polynomial 0x1021, as a Redis Cluster spreads its keys.
  static std::size_t slot_of(std::string_view key) {
    unsigned crc = 0;
    for (const char c : key) {
      crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
      for (int bit = 0; bit < 8; ++bit)
        crc = ((crc << 1U) ^ ((crc & 0x8000U) != 0 ? 0x1021U : 0U)) & 0xffffU;
    }
    return crc % kSlots;
  }

  /// -MOVED SLOT ADDRESS:PORT
  Heard moved(std::string_view line) {
    const std::size_t slot = number_after(line, "-MOVED ");
    const auto port = static_cast<std::uint16_t>(number_after(line, "127.0.0.1:"));
    const auto owner = std::ranges::find(ports_, port);
    if (slot >= kSlots || owner == ports_.end()) refused(line);
    owners_[slot] = static_cast<std::size_t>(owner - ports_.begin());
    return Heard::elsewhere;
  }

  const std::vector<std::uint16_t> ports_;
  std::array<std::size_t, kSlots> owners_{};  ///< by slot, as far as is known
};

}  // namespace

std::string key_name(std::uint64_t number) {
  std::array<char, 32> name{};
  const int size = std::snprintf(name.data(), name.size(), "key:%012llu", static_cast<unsigned long long>(number));
  return {name.data(), static_cast<std::size_t>(size)};
}

std::unique_ptr<Speech> speech_of(std::string_view name, const std::vector<std::uint16_t>& ports) {
  const std::string value(kValueBytes, 'v');
  if (name == "dhtd") return std::make_unique<Http>("/db/", "", "", value, ports.size());
  if (name == "etcd") {
    return std::make_unique<Http>("/v2/keys/", "?quorum=true", "Content-Type: application/x-www-form-urlencoded\r\n",
                                  "value=" + value, ports.size());
  }
  if (name == "redis") return std::make_unique<Redis>(ports);
  throw std::runtime_error("there is no speech '" + std::string(name) + "'; there are: dhtd, etcd, redis");
}

}  // namespace mixed_load
