// Connection: one accepted socket and its Session. Moves bytes between them, brings answers from other threads home,
// and ends the connection in the right way.
//
// Reading goes in rounds: the worker reads all its connections that have something, has all their requests handled, and
// then lets each write its answers.
//
// Idle connections hold a small buffer only; more than that is read through a buffer that the worker's connections
// share. After a read that did not fill its buffer there is nothing left, so no system call is made to learn that. Only
// the end of the client's bytes can hide behind such a read: for it the first reads of a connection, and one after each
// of the worker's sweeps, go on until there is nothing.
//
// Where a client has said that its request is the last, the end is a close. Else it is a lingering one: our side is
// shut down and the client's bytes are read over until it closes too, since closing with unread bytes would reset the
// connection and take the last answer away from the client.
//
// Thread rule: used from its worker's thread, except for the methods of ResponseSink.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "http/patience.h"
#include "http/responder.h"
#include "http/session.h"
#include "http/watched_socket.h"

namespace dhtd::http {

class Worker;

class Connection final : public ResponseSink, public std::enable_shared_from_this<Connection> {
 public:
  /// The worker must outlive the connection's last use: see Worker.
  Connection(SocketHandle socket, Worker& worker);

  /// Where the worker's list of connections holds this one.
  using Place = std::list<std::shared_ptr<Connection>>::iterator;
  void set_place(Place place) noexcept { place_ = place; }
  Place place() const noexcept { return place_; }

  void start();

  // One round of the worker: each of these is called for all connections of the round before the next one.
  /// Reads a share of what there is: other connections come in between.
  void receive();
  /// Takes what was read apart; the requests go into the worker's batch.
  void take();
  /// The batch has been handled: takes what is left, and writes the answers.
  void end_round();

  /// Called by the worker's coarse timer.
  void sweep();
  /// The next answer is the last one, and says so.
  void announce_end() noexcept { session_.announce_end(); }
  /// Answers what is under way and closes (see Session).
  void finish();
  /// Closes at once; nothing of the worker is used afterwards.
  void close();

  void respond(Ticket ticket, const Response& response) override;
  void stream(Ticket ticket, ContentType type, BodyPiece first, std::unique_ptr<BodySource> source) override;
  void stream_piece(Ticket ticket, BodyPiece piece) override;
  void upgrade(Ticket ticket) override;

 private:
  static constexpr std::size_t kIdleBuffer = 4096;
  /// So many reads of a new connection go on until there is nothing: clients that send all they have, close their side
  /// and wait for the answers have sent it in these.
  static constexpr unsigned kCarefulReads = 8;

  /// An answer that was given on another thread.
  struct Arrival {
    Ticket ticket;
    std::string bytes;
  };

  void join_round();
  void read();
  void read_more();
  void received(std::size_t bytes, std::size_t asked);
  void take_from(std::string_view& bytes);
  void handle(std::string_view& bytes);
  bool feed_leftover();
  void take_arrivals();
  void schedule_advance();
  void advance();
  bool flush();
  void await_writable();
  void hand_over();
  void begin_linger();
  void linger_read();

  Worker& worker_;
  WatchedSocket socket_;
  Session session_;
  Patience patience_;
  std::array<char, kIdleBuffer> buffer_;
  std::string_view input_;          ///< what was read in this round, as far as it has not been taken
  bool reads_more_ = false;         ///< in this round: it filled the buffer
  std::string leftover_;            ///< input that the session has not taken yet
  std::size_t leftover_taken_ = 0;  ///< its front that the session has taken
  bool open_ = true;
  bool readable_ = false;      ///< there may be something to read that the socket will not tell of again
  bool in_round_ = false;      ///< that is under way, or the next one
  bool end_may_hide_ = false;  ///< behind the last read
  unsigned careful_reads_ = kCarefulReads;
  bool awaiting_writable_ = false;
  bool advancing_ = false;
  bool advance_scheduled_ = false;
  bool input_ended_ = false;
  bool lingering_ = false;
  unsigned linger_sweeps_ = 0;
  Place place_;

  std::mutex arrivals_mutex_;
  std::vector<Arrival> arrivals_;
};

}  // namespace dhtd::http
