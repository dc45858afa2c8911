#include "http/syn_filter.h"

#include <iterator>

#include <linux/filter.h>
#include <sys/socket.h>

namespace dhtd::http {
namespace {

// Of the TCP header, with which a packet begins here (RFC 9293, 3.1).
constexpr unsigned kFlagsOffset = 13;
constexpr unsigned kSyn = 0x02;
constexpr unsigned kAck = 0x10;

constexpr unsigned kDrop = 0;
constexpr unsigned kPass = 0xFFFF'FFFF;

}  // namespace

void drop_syns(asio::ip::tcp::acceptor& acceptor) noexcept {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsOffset),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSyn | kAck),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kDrop),
      BPF_STMT(BPF_RET | BPF_K, kPass),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(code)), code};
  setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

}  // namespace dhtd::http
