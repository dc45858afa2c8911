// RegisterBus: carries questions to places, and answers back, with every fault that a network has. A place is an
// address: whoever is there gets what comes.
//
// Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <system_error>
#include <vector>

#include <dht/function.h>
#include <dht/testing/timeline.h>

#include "wire/control.h"

namespace dht::testing {

using Place = std::size_t;

/// Of each message, in percent.
struct BusTrouble {
  std::uint32_t lost = 0;
  std::uint32_t late = 0;  ///< by up to `longest_delay`
  std::uint32_t doubled = 0;
  Duration longest_delay = std::chrono::milliseconds{100};
};

class RegisterBus {
 public:
  /// What the place answers; nothing where nobody is there.
  using Receiver = std::function<std::optional<wire::Answer>(Place, const wire::Call&)>;
  using AnswerHandler = Function<void(std::error_code, wire::Answer)>;
  /// Of a question: `usual` is up to chance.
  enum class Fate { usual, lost, late };

  static constexpr Duration kPatience = std::chrono::milliseconds{20};  ///< of those who ask

  RegisterBus(Timeline& timeline, std::mt19937_64& random, std::size_t places, BusTrouble trouble, Receiver receive);
  ~RegisterBus();

  /// `answer` is called once, with an error where none came in time.
  void ask(Place from, Place to, wire::Call call, AnswerHandler answer, Fate fate = Fate::usual);
  /// Whoever was at the place is gone, and gets none of the answers that it waited for.
  void forget(Place place);

  // Until a moment: what comes to the place waits; what comes and goes is slow; what comes, or goes, is lost.

  void hold(Place place, Instant until) { places_[place].held_until = until; }
  void slow_down(Place place, Instant until) { places_[place].slow_until = until; }
  void cut_in(Place place, Instant until) { places_[place].deaf_until = until; }
  void cut_out(Place place, Instant until) { places_[place].mute_until = until; }
  /// No fault from now on; what is under way arrives within `longest_delay`.
  void heal();

 private:
  struct State {
    Instant held_until{};
    Instant slow_until{};
    Instant deaf_until{};
    Instant mute_until{};
  };
  struct Pending {
    Place from = 0;
    AnswerHandler answer;
  };
  bool chance(std::uint32_t percent) { return random_() % 100 < percent; }
  Duration some_time(Duration longest);
  void send(Place from, Place to, Fate fate, std::function<void()> deliver);
  void arrive(Place to, std::function<void()> deliver);
  void end(std::uint64_t question, std::error_code error, wire::Answer answer);

  Timeline& timeline_;
  std::mt19937_64& random_;
  BusTrouble trouble_;
  Receiver receive_;
  std::vector<State> places_;
  std::uint64_t questions_ = 0;
  std::map<std::uint64_t, Pending> pending_;
};

}  // namespace dht::testing
