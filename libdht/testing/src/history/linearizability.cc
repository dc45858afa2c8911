#include <dht/testing/linearizability.h>

#include "explanation.h"
#include "key_model.h"
#include "search.h"

namespace dht::testing {

Judgement check_linearizability(std::span<const Operation> history, const LinearizabilityOptions& options) {
  const history::KeyModel model(history, options.one_clock);
  if (model.contradiction())
    return {Verdict::violated, history::explain_contradiction(history, *model.contradiction())};
  const Verdict verdict = history::Search(model, options.max_configurations).run();
  if (verdict != Verdict::violated) return {verdict, {}};
  return {verdict, history::explain_violation(history, options)};
}

}  // namespace dht::testing
