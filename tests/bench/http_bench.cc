// From the bytes of requests to the bytes of answers, without sockets: parser, session, router and handler. The table
// answers from one value, so that what is measured is HTTP alone.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include <dht/table.h>

#include "handlers/router.h"
#include "http/batch.h"
#include "http/session.h"

namespace {

using namespace dhtd;

/// Gives the same entry for every key, and forgets every write.
class OneEntryTable final : public dht::Table {
 private:
  dht::OperationId do_get(std::string_view, const dht::ReadOptions&, dht::GetHandler handler) override {
    handler({}, dht::Entry{dht::Value(value_), 0x19'0000'0000'0001});
    return 1;
  }
  dht::OperationId do_write(const dht::WriteRequest&, const dht::WriteOptions&, dht::WriteHandler handler) override {
    handler({}, {0x19'0000'0000'0002, true});
    return 1;
  }
  void do_cancel(dht::OperationId) override {}

  const std::string_view value_ =
      "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
};

/// Nobody asks it for anything here.
class NoAdmin final : public ClusterAdmin {
 public:
  void join(std::string_view, dht::JoinGoal, dht::StatusHandler handler) override { handler({dht::Errc::stopped, {}}); }
  void leave(dht::StatusHandler handler) override { handler({}); }
  void leave_for_good(dht::StatusHandler handler) override { handler({}); }
  void step_aside(dht::StatusHandler handler) override { handler({}); }
  void forget(std::string_view, dht::StatusHandler handler) override { handler({}); }
  void recover(dht::StatusHandler handler) override { handler({}); }
  dht::NodeId id() const override { return {}; }
  dht::NodeStatus status() const override { return {}; }
  dht::ClusterMapPtr map() const override { return {}; }
  bool is_ready() const override { return true; }
  std::vector<std::string> peers() const override { return {}; }
  void list_keys(dht::KeyCursor, std::size_t, dht::KeyPageHandler handler) const override { handler({}, {}); }
};

class SessionSink final : public http::ResponseSink {
 public:
  explicit SessionSink(http::Session& session) : session_(session) {}
  void respond(http::Ticket ticket, const http::Response& response) override { session_.respond(ticket, response); }
  void stream(http::Ticket, http::ContentType, http::BodyPiece, std::unique_ptr<http::BodySource>) override {}
  void stream_piece(http::Ticket, http::BodyPiece) override {}
  void upgrade(http::Ticket) override {}

 private:
  http::Session& session_;
};

void serve(benchmark::State& state, const std::string& request) {
  http::Limits limits;
  SharedServiceState service{ServiceState::serving};
  OneEntryTable table;
  NoAdmin admin;
  Router router(table, admin, limits, service);
  http::Session session(limits);
  http::Batch requests(router);
  const auto sink = std::make_shared<SessionSink>(session);
  const auto depth = state.range(0);
  std::string batch;
  for (std::int64_t i = 0; i < depth; ++i)
    batch += request;
  for (auto _ : state) {
    for (std::string_view rest = batch; !rest.empty(); requests.handle()) {
      const std::size_t taken = session.take(rest, sink, requests);
      if (taken == 0) return state.SkipWithError("the session stopped reading");
      rest.remove_prefix(taken);
    }
    benchmark::DoNotOptimize(session.output().data());
    session.output_written(session.output().size(), sink);
  }
  state.SetItemsProcessed(state.iterations() * depth);
}

void get_entry(benchmark::State& state) {
  serve(state, "GET /db/key:00000001 HTTP/1.1\r\nHost: localhost:9876\r\n\r\n");
}
BENCHMARK(get_entry)->Arg(1)->Arg(16)->Arg(64);

void get_entry_with_many_fields(benchmark::State& state) {
  serve(state,
        "GET /db/key:00000001 HTTP/1.1\r\nHost: localhost:9876\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
        "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nSec-Fetch-Site: none\r\n\r\n");
}
BENCHMARK(get_entry_with_many_fields)->Arg(16);

void put_entry(benchmark::State& state) {
  serve(state,
        "PUT /db/key:00000001 HTTP/1.1\r\nHost: localhost:9876\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'));
}
BENCHMARK(put_entry)->Arg(1)->Arg(16);

}  // namespace

BENCHMARK_MAIN();
