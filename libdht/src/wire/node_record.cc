#include "wire/node_record.h"

#include <cstdint>

namespace dht::wire {

namespace {

namespace node_tag {
enum : std::uint32_t { id = 1, name, host, port, state };
}

}  // namespace

TaggedWriter write(const NodeRecord& node) {
  TaggedWriter w;
  w.put_id(node_tag::id, node.id);
  w.put_bytes(node_tag::name, node.name);
  w.put_bytes(node_tag::host, node.address.host);
  w.put_u64(node_tag::port, node.address.port);
  w.put_enum(node_tag::state, node.state);
  return w;
}

bool read(TaggedReader r, NodeRecord& node) {
  while (r.next()) {
    switch (r.tag()) {
      case node_tag::id:
        node.id = r.id<NodeId>();
        break;
      case node_tag::name:
        node.name = r.string();
        break;
      case node_tag::host:
        node.address.host = r.string();
        break;
      case node_tag::port:
        node.address.port = r.u16();
        break;
      case node_tag::state:
        node.state = r.enumeration(NodeState::down);
        break;
    }
  }
  return r.ok();
}

}  // namespace dht::wire
