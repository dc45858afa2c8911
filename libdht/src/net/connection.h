// Connection: one TCP connection between peers, either side. Reads into a buffer and parses frames there, writes what
// is queued, and ends once.
//
// Implementations: OpenedConnection, AcceptedConnection.
//
// Thread rule: `enqueue`, `close_after_flush`, `retire` and `sever` may be called from any thread; everything else runs
// on the connection's strand. Handlers in the io_context share the ownership, so a connection may outlive its
// transport; it then touches nothing but itself.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <asio/any_io_executor.hpp>
#include <asio/bind_executor.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>

#include <dht/transport.h>

#include "net/environment.h"
#include "net/frame_batch.h"
#include "net/outbox.h"
#include "net/read_buffer.h"
#include "wire/frame.h"

namespace dht::net {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  enum class Queued : std::uint8_t {
    yes,  ///< or dropped, where the connection is being closed: its end is still to be told
    overloaded,
    retired,
  };
  Queued enqueue(Frame frame, Lane lane);
  /// Ends the connection once what is queued has been sent.
  void close_after_flush();
  /// Refuses frames from now on.
  void retire();
  /// Ends the connection without telling anybody here. The peer sees the end even if the strand never runs again.
  void sever();

 protected:
  using Strand = asio::strand<asio::any_io_executor>;
  using Milliseconds = std::chrono::milliseconds;

  Connection(std::shared_ptr<Environment> environment, asio::ip::tcp::socket socket);

  /// Takes what it can from `input()`. False where reading shall not go on.
  virtual bool consume_input() = 0;
  /// Some of what was queued has left.
  virtual void after_write() {}
  /// The connection has ended, for good. Called once.
  virtual void after_end(std::error_code reason) = 0;
  /// Reading ended with `error`, asio::error::eof where the peer closed: ends the connection.
  virtual void read_failed(std::error_code error);
  /// Names the other side in log lines.
  virtual std::string peer_name() const = 0;

  /// The socket is connected: sets its options, and lets `sever` reach it.
  void connected();
  void read();
  /// Takes what has come already, and then reads.
  void take_input();
  /// Sends bytes ahead of everything queued.
  void write_first(std::string_view bytes);
  /// The handshake is over: from now on what is queued is sent.
  void start_sending();
  /// Ends the connection unless another deadline is set before.
  void set_deadline(Milliseconds after, std::error_code reason, LogLevel level, std::string why);
  void clear_deadline();
  /// `why` ends a log line that begins with the peer's name; an empty one is not logged.
  void end(std::error_code reason, LogLevel level, std::string_view why);
  bool ended() const noexcept { return ended_; }
  bool is_closing() const noexcept { return closing_; }
  /// So much waits to be sent that nothing should be taken that adds to it.
  bool is_congested();

  /// Gives every whole frame that has come to `deliver(TransportReceiver&, Frame)`, until that returns false. False
  /// then, and where the connection has ended. Those that came together are announced to the receiver before.
  template <typename Deliver>
  bool deliver_frames(ClusterId cluster, Lane lane, Deliver deliver);

  template <typename Handler>
  auto on_strand(Handler handler) {
    return asio::bind_executor(strand_, std::move(handler));
  }
  Environment& environment() noexcept { return *environment_; }
  const Environment& environment() const noexcept { return *environment_; }
  Strand& strand() noexcept { return strand_; }
  asio::ip::tcp::socket& socket() noexcept { return socket_; }
  ReadBuffer& input() noexcept { return input_; }

 private:
  void request_flush();  // under the mutex
  void flush();
  bool collect_output();
  void limit_closing();
  void finish_sending();

  const std::shared_ptr<Environment> environment_;
  asio::ip::tcp::socket socket_;
  Strand strand_;
  asio::steady_timer deadline_;
  std::uint64_t deadline_number_ = 0;  ///< tells a time-out that was overtaken by a newer deadline
  ReadBuffer input_;
  std::vector<std::string> writing_;
  bool ended_ = false;
  std::atomic<bool> closing_ = false;

  std::mutex mutex_;  // guards what follows
  Outbox outbox_;
  std::string first_;      ///< to be sent ahead of the outbox
  bool sending_ = false;   ///< the handshake is over
  bool flushing_ = false;  ///< a flush is under way or in the io_context
  bool retired_ = false;
  int severable_handle_ = -1;  ///< the socket's, while it is connected
};

template <typename Deliver>
bool Connection::deliver_frames(ClusterId cluster, Lane lane, Deliver deliver) {
  using State = FrameBatch::State;
  const std::string_view bytes = input_.bytes();
  std::size_t taken = 0;
  bool go_on = true;
  FrameBatch batch;
  {
    const ReceiverGate::Pass pass(environment_->gate());
    do {
      batch.decode(bytes.substr(taken), lane);
      if (!pass && !batch.frames().empty()) return false;
      if (batch.frames().size() > 1) pass.receiver().expect(cluster, lane, batch.frames());
      for (const Frame& frame : batch.frames()) {
        if (!pass) return false;
        go_on = deliver(pass.receiver(), frame);
        taken += wire::kFrameHeaderBytes + frame.payload.size();
        if (!go_on) break;
      }
    } while (go_on && batch.state() == State::complete);
  }
  if (!go_on || batch.state() == State::incomplete) {
    input_.consume(taken);
    return go_on;
  }
  end(Errc::outcome_unknown, LogLevel::error,
      batch.state() == State::oversized ? "sent a frame over the limit; closed" : "sent a corrupt frame; closed");
  return false;
}

}  // namespace dht::net
