// Refusals: answers to calls that say no, each with a sentence for whoever asked.
//
// Thread rule: plain functions.
#pragma once

#include <string>
#include <system_error>
#include <utility>

#include <dht/error.h>

#include "wire/control.h"

namespace dht::cluster {

inline wire::Answer refusal(Errc error, std::string message) {
  wire::Answer answer;
  answer.error = error;
  answer.message = std::move(message);
  return answer;
}

/// The same call may succeed later.
inline wire::Answer refusal_for_now(Errc error, std::string message) {
  wire::Answer answer = refusal(error, std::move(message));
  answer.try_later = true;
  return answer;
}

/// What a caller tells itself when the leader gave no answer; `reason` is what became of the call.
inline wire::Answer leader_unreachable(const std::error_code& reason) {
  if (reason == Errc::outcome_unknown) {
    return refusal_for_now(Errc::not_applied,
                           "the cluster's leader does not answer; what it was asked may still be done");
  }
  return refusal_for_now(Errc::not_applied, "the cluster's leader cannot be reached (" + reason.message() + ")");
}

}  // namespace dht::cluster
