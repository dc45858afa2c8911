// A network whose links can be cut: each node in a network namespace of its own, joined to a bridge by a veth pair. The
// program itself reaches every node over the bridge, whatever is cut between nodes.
//
// A link from one node to another is cut by a wrong, fixed hardware address: what is sent is lost without a word, as on
// a broken line.
//
// Where namespaces cannot be made (no root, no `ip`) there is no network: nodes run over loopback and nothing is cut.
//
// Thread rule: the main thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dht::integration {

class StormNetwork {
 public:
  /// Loopback, whatever the program may do.
  StormNetwork() = default;
  /// First takes down what earlier programs that were killed have left.
  explicit StormNetwork(std::size_t nodes);
  /// Takes all of it down. The nodes have ended.
  ~StormNetwork();
  StormNetwork(const StormNetwork&) = delete;
  StormNetwork& operator=(const StormNetwork&) = delete;

  bool can_cut() const { return is_up_; }
  std::string host(std::size_t node) const;
  /// What starts a program at that node; empty over loopback.
  std::vector<std::string> launcher(std::size_t node) const;
  void cut(std::size_t from, std::size_t to);
  void mend(std::size_t from, std::size_t to);

 private:
  bool build();
  bool add_node(std::size_t node);
  void take_down();
  std::string name_space(std::size_t node) const;
  std::string link(std::size_t node) const;
  std::string address(std::size_t node) const;

  std::size_t nodes_ = 0;
  std::string tag_;  ///< the process id: part of all names
  std::string bridge_;
  std::string subnet_;
  std::string ip_;  ///< the program
  bool is_up_ = false;
};

}  // namespace dht::integration
