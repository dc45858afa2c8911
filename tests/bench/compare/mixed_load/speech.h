// What is said to a server of keys and values, and what its answers mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mixed_load {

enum class Kind { get, put, remove };

/// What has come of an answer.
enum class Heard {
  part,       ///< more of it is still to come
  whole,      ///< the request was carried out
  elsewhere,  ///< another server has the key: route() knows it now
};

constexpr std::size_t kValueBytes = 100;

/// "key:" and twelve digits, as load.lua and load.py name them.
std::string key_name(std::uint64_t number);

class Speech {
 public:
  virtual ~Speech() = default;

  [[nodiscard]] virtual std::string request(Kind kind, std::uint64_t key) const = 0;
  /// `bytes` is what has come since the request was sent. Throws where the server refuses.
  [[nodiscard]] virtual Heard listen(std::string_view bytes) = 0;
  /// Which server is asked: all by turns unless the speech knows better.
  [[nodiscard]] virtual std::size_t route(std::uint64_t key) = 0;
};

/// dhtd, etcd (its second interface, over plain HTTP) or redis (also a Redis Cluster, whose redirections are followed).
/// The servers are named by their ports on 127.0.0.1.
std::unique_ptr<Speech> speech_of(std::string_view name, const std::vector<std::uint16_t>& ports);

}  // namespace mixed_load
