// What malformed and oversized input gets: a clear error, the end of the connection, and nothing applied.
#include <string>

#include <doctest/doctest.h>

#include "support/server_double.h"

using namespace dhtd;
using namespace dhtd::testing;

namespace {

/// The status of the answer to bytes after which the connection must end; the same however they are split.
std::string refusal(const std::string& bytes, http::Limits limits = {}) {
  ServerDouble server(limits);
  const auto answer = server.exchange(bytes);
  CHECK(server.wire.session().finished());
  CHECK(server.table.size() == 0);
  CHECK(field_of(answer, "Connection") == "close");
  CHECK(field_of(answer, "Content-Type") == "application/json");
  CHECK(contains(body_of(answer), "{\"error\":\""));
  if (bytes.size() < 2000) {
    ServerDouble slow(limits);
    slow.wire.send_byte_by_byte(bytes);
    CHECK(slow.wire.receive() == answer);
  }
  return status_of(answer);
}

std::string put_with(std::string_view fields, std::string_view body) {
  return "PUT /db/k HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("malformed requests are 400") {
  for (const std::string& bytes : {
           std::string("garbage\r\n\r\n"),
           std::string("\x16\x03\x01\x02\x00\x01\x00", 7),
           std::string("GET\r\n\r\n"),
           std::string("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /db/\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET db/k HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nName : value\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"),
           std::string("GET / HTTP/1.1\nHost: a\n\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\n\r\n"),
           std::string("GET http://a/ HTTP/1.1\r\nA: b\r\n\r\n"),
           std::string("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
           std::string("PUT /db/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n: b\r\n\r\n"),
           std::string("GET /db/s RTSP/1.0\r\n\r\n"),
           std::string("GET /db/s  RTSP/1.0\r\n\r\n"),
           std::string("SOURCE /db/s ICE/1.0\r\n\r\n"),
           std::string("GET / HTTX/1.1\r\n\r\n"),
           std::string("HELLO world\r\n\r\n"),
           std::string("get / HTTP/1.0 x\r\n\r\n"),
       }) {
    CAPTURE(bytes);
    CHECK(refusal(bytes) == "400");
  }
}

TEST_CASE("a length given twice or in two ways is 400: the next server might see another request") {
  CHECK(refusal(put_with("Content-Length: 3\r\nTransfer-Encoding: chunked", "0\r\n\r\n")) == "400");
  CHECK(refusal(put_with("Transfer-Encoding: chunked\r\nContent-Length: 3", "0\r\n\r\n")) == "400");
  CHECK(refusal(put_with("Content-Length: 3\r\nContent-Length: 4", "abcd")) == "400");
  CHECK(refusal(put_with("Content-Length: 3\r\nContent-Length: 3", "abc")) == "400");
  CHECK(refusal(put_with("Content-Length: 3, 3", "abc")) == "400");
  CHECK(refusal(put_with("Content-Length: +3", "abc")) == "400");
  CHECK(refusal(put_with("Content-Length: -3", "abc")) == "400");
  CHECK(refusal(put_with("Content-Length: 0x3", "abc")) == "400");
  CHECK(refusal(put_with("Content-Length:", "abc")) == "400");
  CHECK(refusal(put_with("Transfer-Encoding: chunked", "zz\r\n")) == "400");
  CHECK(refusal(put_with("Transfer-Encoding: chunked", "3\nabc\n0\n\n")) == "400");
  CHECK(refusal(put_with("Transfer-Encoding: chunked", "-3\r\nabc\r\n")) == "400");
  CHECK(refusal("PUT /db/k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == "400");
}

TEST_CASE("transfer codings other than chunked are 501, other versions 505, other expectations 417") {
  CHECK(refusal(put_with("Transfer-Encoding: gzip", "")) == "501");
  CHECK(refusal(put_with("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")) == "501");
  CHECK(refusal(put_with("Transfer-Encoding: identity", "")) == "501");
  CHECK(refusal("GET / HTTP/2.0\r\n\r\n") == "505");
  CHECK(refusal("GET / HTTP/3.0\r\n\r\n") == "505");
  CHECK(refusal("GET / HTTP/0.9\r\n\r\n") == "505");
  CHECK(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "505");
  CHECK(refusal(put_with("Expect: a miracle\r\nContent-Length: 3", "abc")) == "417");
}

TEST_CASE("a value over the limit is 413 before its body is read, and 413 in chunks") {
  http::Limits limits;
  limits.max_value_bytes = 10;
  CHECK(refusal(put_with("Content-Length: 11", ""), limits) == "413");
  CHECK(refusal(put_with("Content-Length: 18446744073709551615", ""), limits) == "413");
  CHECK(refusal(put_with("Content-Length: 99999999999999999999999", ""), limits) == "413");
  CHECK(refusal(put_with("Transfer-Encoding: chunked", "6\r\nabcdef\r\n5\r\nghijk\r\n0\r\n\r\n"), limits) == "413");
  CHECK(refusal("POST /dht/join HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", limits) == "413");

  ServerDouble exact(limits);
  CHECK(status_of(exact.exchange(put_with("Content-Length: 10", "0123456789"))) == "200");
  CHECK(status_of(exact.exchange(put_with("Transfer-Encoding: chunked", "a\r\n0123456789\r\n0\r\n\r\n"))) == "200");
}

TEST_CASE("a URL over three times the key limit is 414, and so is a key over its limit") {
  http::Limits limits;
  limits.max_key_bytes = 100;
  CHECK(refusal("GET /db/" + std::string(1000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits) == "414");
  CHECK(refusal("GET /db/" + std::string(1000, 'x'), limits) == "414");

  ServerDouble server(limits);
  CHECK(status_of(server.exchange("GET /db/" + std::string(101, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n")) == "414");
  CHECK(status_of(server.exchange("GET /db/" + std::string(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n")) == "200");
  std::string escaped;
  for (int i = 0; i < 100; ++i)
    escaped += "%41";
  CHECK(status_of(server.exchange("PUT /db/" + escaped + " HTTP/1.1\r\nHost: a\r\n\r\n")) == "200");
  CHECK(server.table.get(std::string(100, 'A')).has_value());
}

TEST_CASE("the default limits: 64 KiB of key, 1 MiB of value") {
  ServerDouble server;
  const std::string key(65536, 'k');
  const std::string value(1048576, 'v');
  CHECK(status_of(server.exchange("PUT /db/" + key + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n" +
                                  value)) == "200");
  CHECK(body_of(server.exchange("GET /db/" + key + " HTTP/1.1\r\nHost: a\r\n\r\n")) == value);
  CHECK(status_of(server.exchange("GET /db/k" + key + " HTTP/1.1\r\nHost: a\r\n\r\n")) == "414");
  CHECK(status_of(server.exchange("PUT /db/k HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n")) == "413");
}

TEST_CASE("header fields over 16 KiB or 100 in number are 431") {
  const auto with = [](const std::string& fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; };
  std::string hundred;
  for (int i = 0; i < 99; ++i)  // and Host
    hundred += "a: b\r\n";
  ServerDouble server;
  CHECK(status_of(server.exchange(with(hundred))) == "200");
  CHECK(status_of(server.exchange(with("a: " + std::string(16'000, 'b') + "\r\n"))) == "200");
  CHECK(refusal(with(hundred + "a: b\r\n")) == "431");
  CHECK(refusal(with("a: " + std::string(16'384, 'b') + "\r\n")) == "431");
  CHECK(refusal(with(std::string(20'000, 'a') + ": b\r\n")) == "431");
  CHECK(refusal("GET / HTTP/1.1\r\nHost: a\r\na: " + std::string(500'000, ' ')) == "431");
  CHECK(refusal(with("a: " + std::string(190'000, ' ') + "\r\n")) == "431");
  CHECK(refusal(with("a: " + std::string(190'000, ' ') + "b\r\n")) == "431");
  CHECK(refusal("PUT /db/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: " +
                std::string(20'000, 'b')) == "431");
}

TEST_CASE("fields after a chunked body count as those of the head do") {
  const auto with = [](const std::string& fields) {
    return put_with("Transfer-Encoding: chunked", "1\r\nv\r\n0\r\n" + fields + "\r\n");
  };
  std::string most;
  for (int i = 0; i < 98; ++i)  // and Host and Transfer-Encoding
    most += "a: b\r\n";
  ServerDouble server;
  CHECK(status_of(server.exchange(with(most))) == "200");
  CHECK(status_of(server.exchange(with("a: " + std::string(16'000, 'b') + "\r\n"))) == "200");
  CHECK(refusal(with(most + "a: b\r\n")) == "431");
  CHECK(refusal(with("a: " + std::string(16'384, 'b') + "\r\n")) == "431");
  CHECK(refusal(with("a: " + std::string(190'000, ' ') + "b\r\n")) == "431");
}

TEST_CASE("where no body is taken a large one does not matter: the route answers, and the connection ends") {
  const auto answer = [](std::string_view line, std::string_view fields, std::string_view body = {}) {
    return refusal(std::string(line) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n" +
                   std::string(body));
  };
  CHECK(answer("POST /nowhere", "Content-Length: 5000000") == "404");
  CHECK(answer("POST /dht/nowhere", "Content-Length: 5000000", "begun") == "404");
  CHECK(answer("PUT /dht/peers", "Content-Length: 5000000") == "405");
  CHECK(answer("PUT /db", "Content-Length: 5000000") == "405");
  CHECK(answer("PUT /db", "Transfer-Encoding: chunked", "20000\r\n" + std::string(0x20000, 'x')) == "405");
  CHECK(answer("POST /nowhere", "Content-Length: 5\r\nExpect: 100-continue") == "404");
  CHECK(answer("POST /nowhere", "Content-Length: 5\r\nExpect: 100-continue", "hello") == "404");

  ServerDouble server;
  const std::string small = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  CHECK(status_of(server.exchange(small)) == "404");
  CHECK_FALSE(server.wire.session().finished());
}

TEST_CASE("fields after a chunked body mean nothing") {
  ServerDouble server;
  server.table.put("k", "old");
  const auto answer =
      server.exchange(put_with("Transfer-Encoding: chunked", "3\r\nnew\r\n0\r\nIf-None-Match: *\r\nHost: x\r\n\r\n"));
  CHECK(status_of(answer) == "200");
  CHECK(server.table.get("k")->value.view() == "new");
}

TEST_CASE("a condition that is there and empty is 400: whoever sent it did not mean to write without one") {
  ServerDouble server;
  server.table.put("k", "old");
  for (const char* method : {"PUT", "POST", "DELETE", "GET", "HEAD"}) {
    for (const char* field : {"If-Match:", "If-None-Match:", "If-Match:   ", "If-None-Match: \r\nA: b"}) {
      CAPTURE(method);
      CAPTURE(field);
      const auto answer = server.exchange(std::string(method) + " /db/k HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n");
      CHECK(status_of(answer) == "400");
    }
  }
  CHECK(server.table.get("k")->value.view() == "old");
}

TEST_CASE("conditions that make no sense are 400, and nothing is written") {
  ServerDouble server;
  for (const char* fields :
       {"If-Match: 123", "If-Match: \"1\", \"2\"", "If-Match: \"1\"\r\nIf-Match: \"2\"", "If-None-Match: \"1\"",
        "If-Match: *\r\nIf-None-Match: *", "If-Match: \"unclosed", "If-Match: \"a\"b\""}) {
    CAPTURE(fields);
    CHECK(status_of(server.exchange(put_with(std::string(fields) + "\r\nContent-Length: 1", "v"))) == "400");
  }
  for (const char* fields : {"If-Match: \"0\"", "If-Match: W/\"1\"", "If-Match: \"99999999999999999999\""}) {
    CAPTURE(fields);
    CHECK(status_of(server.exchange(put_with(std::string(fields) + "\r\nContent-Length: 1", "v"))) == "412");
  }
  CHECK(server.table.size() == 0);
}
