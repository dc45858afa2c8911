#include "support/fake_peers.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace dht::integration {

namespace {

constexpr std::chrono::minutes kUntilShutDown{10};

// Hands bytes on until the source ends or either side breaks.
void pump(Socket& source, Socket& target, const std::function<void(const std::string&)>& saw) {
  try {
    for (std::string bytes = source.receive(); !bytes.empty(); bytes = source.receive()) {
      saw(bytes);
      target.send(bytes);
    }
  } catch (const std::system_error&) {
    // The other direction learns of it below.
  }
  source.shut_down();
  target.shut_down();
}

}  // namespace

FakeServer::FakeServer(std::function<void(Socket&)> serve)
    : serve_(std::move(serve)),
      listener_(Socket::listen()),
      endpoint_{"127.0.0.1", listener_.local_port()},
      acceptor_([this] { accept_all(); }) {}

FakeServer::~FakeServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Session& session : sessions_)
      session.socket.shut_down();
  }
  listener_.shut_down();
  acceptor_.join();
  for (Session& session : sessions_)
    session.thread.join();
}

void FakeServer::accept_all() {
  try {
    for (;;) {
      Socket accepted = listener_.accept();
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      sessions_.push_back({std::move(accepted), {}});
      Session& session = sessions_.back();
      session.thread = std::thread([this, &session] {
        try {
          serve_(session.socket);
        } catch (const std::system_error&) {
          // The peer has gone or the server stops.
        }
        session.socket.shut_down();
      });
    }
  } catch (const std::system_error&) {
    // The listener has been shut down.
  }
}

RecordingProxy::RecordingProxy() : server_([this](Socket& source) { relay(source); }) {}

void RecordingProxy::set_target(Endpoint target) {
  const std::lock_guard lock(mutex_);
  target_ = std::move(target);
}

std::vector<std::string> RecordingProxy::recorded() {
  const std::lock_guard lock(mutex_);
  return {recorded_.begin(), recorded_.end()};
}

void RecordingProxy::relay(Socket& source) {
  std::unique_lock lock(mutex_);
  std::string& record = recorded_.emplace_back();
  const Endpoint to = target_;
  lock.unlock();
  Socket target = Socket::connect(to, kUntilShutDown);
  source.set_patience(kUntilShutDown);
  std::thread back([&] { pump(target, source, [this](const std::string& bytes) { returned_ += bytes.size(); }); });
  pump(source, target, [&](const std::string& bytes) {
    const std::lock_guard recording(mutex_);
    record += bytes;
    sent_ += bytes.size();
  });
  back.join();
}

}  // namespace dht::integration
