// Attention of one layer's queries, keys and values, which lie side by side in its rows: the views
// that cut them into heads and put the results together again cost more than the attention of a few
// tokens.
#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"
#include "runtime/passes/projection.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

// attention(..).transpose(1, 2).flatten(2), each used by the next alone; nullptr otherwise.
Node* merged(Node* attention) {
  const auto only_user = [](Node* node) {
    const auto& uses = node->output()->uses();
    return uses.size() == 1 ? uses.front().user : nullptr;
  };
  Node* transpose = only_user(attention);
  if (transpose == nullptr || !swaps(transpose, 1, 2)) return nullptr;
  Node* flatten = only_user(transpose);
  const bool fits = flatten != nullptr && flatten->kind() == c10::aten::flatten &&
                    constant_int(flatten->input(1)) == 2 &&
                    (constant_int(flatten->input(2)) == -1 || constant_int(flatten->input(2)) == 3);
  return fits ? flatten : nullptr;
}

// What makes all three of an attention, in order.
std::optional<Projection> one_layer(Node* attention) {
  const auto query = projection_of(attention->input(0)), key = projection_of(attention->input(1)),
             value = projection_of(attention->input(2));
  if (!query || !key || !value || key->layer != query->layer || value->layer != query->layer)
    return std::nullopt;
  const std::int64_t all = query->heads * query->width;
  const bool in_order = query->first == 0 && key->first == all && value->first == 2 * all;
  return in_order ? query : std::nullopt;
}

}  // namespace

std::int64_t fuse_heads(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* attention : nodes_of(graph, kAttention)) {
    Node* end = merged(attention);
    const auto layer = one_layer(attention);
    if (end == nullptr || !layer || end->owningBlock() != attention->owningBlock()) continue;
    replace(end,
            make_self_attention(*graph, layer->layer->output(), layer->heads, step_of(attention)));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
