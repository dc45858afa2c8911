// Fuzzes the HTTP path: parser, session, router and handlers, over a table in memory. The first byte of the input says
// how the rest is split into reads. Beside not crashing, the answers must not depend on that split.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <dht/testing/fake_table.h>

#include "handlers/router.h"
#include "support/server_double.h"

namespace {

using dhtd::testing::ServerDouble;

dhtd::http::Limits small_limits() {
  dhtd::http::Limits limits;  // small, so that the fuzzer meets them
  limits.max_key_bytes = 32;
  limits.max_value_bytes = 64;
  limits.max_command_bytes = 48;
  limits.max_header_bytes = 256;
  limits.max_header_fields = 8;
  limits.max_in_flight = 4;
  limits.max_output_bytes = 1024;
  return limits;
}

/// Everything that the client would get. Joins and leaves are answered at the end.
std::string serve(std::string_view input, std::size_t read_size) {
  ServerDouble server(small_limits());
  server.admin.keys = {"one", "two%", "three\r\n"};
  std::string answers;
  while (!input.empty()) {
    const std::string read(input.substr(0, read_size));  // of its own: a view kept too long is found out
    input.remove_prefix(read.size());
    server.wire.send(read);
    answers += server.wire.receive();
  }
  server.wire.end_of_input();
  for (std::size_t i = 0; i < server.admin.join_handlers.size(); ++i) {
    server.admin.join_handlers[i]({dht::Errc::unreachable, "nobody"});
    answers += server.wire.receive();
  }
  for (std::size_t i = 0; i < server.admin.leave_handlers.size(); ++i) {
    server.admin.leave_handlers[i]({});
    answers += server.wire.receive();
  }
  return answers;
}

/// What must not depend on the split. Not in it: interim answers, since the body may have been there already; and which
/// of several faults of one request was met first, so of the error that ends a connection only that it is one.
std::string essence(std::string answers) {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  for (auto at = answers.find(kContinue); at != std::string::npos; at = answers.find(kContinue)) {
    answers.erase(at, kContinue.size());
  }
  const auto close = answers.rfind("\r\nConnection: close\r\n");  // not in the body, which may name HTTP/1.1 too
  if (close == std::string::npos) return answers;
  const auto last = answers.rfind("HTTP/1.1 ", close);
  const bool is_error = answers.compare(last + 9, 1, "4") == 0 || answers.compare(last + 9, 1, "5") == 0;
  if (is_error) answers.replace(last, std::string::npos, "an error and the end");
  return answers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto split = essence(serve(input, 1 + data[0] % 64u));
  const auto whole = essence(serve(input, input.size()));
  if (split != whole) std::abort();
  return 0;
}
