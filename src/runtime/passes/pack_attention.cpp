#include <torch/csrc/jit/ir/constants.h>

#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

// q, k, v, attn_mask, dropout_p, is_causal, scale, enable_gqa of a call that the kernels do.
std::optional<AttentionStep> step_of(const Node* node, Operands operands) {
  if (node->inputs().size() != 8 || !node->input(3)->mustBeNone()) return std::nullopt;
  const auto causal = torch::jit::toIValue(node->input(5));
  const auto scale = torch::jit::toIValue(node->input(6));
  const auto grouped = torch::jit::toIValue(node->input(7));
  const bool fits = is_number(node->input(4), 0) && causal && causal->isBool() && scale &&
                    (scale->isNone() || scale->isDouble()) && grouped && grouped->isBool() &&
                    !grouped->toBool();
  if (!fits) return std::nullopt;
  return AttentionStep{causal->toBool(),
                       scale->isNone() ? std::nullopt : std::optional(scale->toDouble()), operands};
}

}  // namespace

std::int64_t pack_attention(const Graph& graph, const PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::scaled_dot_product_attention)) {
    const auto step = step_of(node, layers.arithmetic().rest);
    if (!step) continue;
    replace(node, make_attention(*graph, node->inputs().slice(0, 3), *step));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
