// Rows that lie whole pages apart share a few sets of the first cache, so that a product copies
// them first. Where nothing but products reads them, they can lie further apart from the start.
#include <algorithm>
#include <iterator>
#include <vector>

#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Use;

bool wants_space(const Use& use) {
  const Node* user = use.user;
  return user->kind() == kLinear && use.offset == 0 && !norm_of(user) &&
         layer_of(user)->wants_space();
}

}  // namespace

std::int64_t space_rows(const Graph& graph) {
  std::vector<Node*> nodes = nodes_of(graph, kLinear);
  std::erase_if(nodes, [](const Node* linear) { return linear->inputs().size() != 1; });
  std::ranges::copy(nodes_of(graph, kSelfAttention), std::back_inserter(nodes));
  std::int64_t changed = 0;
  for (Node* node : nodes) {
    const auto& uses = node->output()->uses();
    if (uses.empty() || !std::ranges::all_of(uses, wants_space)) continue;
    set_spaced(node);
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
