// Rows of a table that is stored as f16 are widened once they are looked up, a few at a time: the
// table, a third of a text tower's weights, keeps half of its size.
#include <torch/csrc/jit/ir/ir.h>

#include "runtime/passes/graph.h"
#include "runtime/passes/passes.h"

namespace glint::passes {

using torch::jit::Node;
using torch::jit::Value;

std::int64_t look_up_halves(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::embedding)) {
    const auto table = constant_weight(node->input(0));
    if (!table || table->scalar_type() != at::kHalf) continue;
    Value* const rows = node->output();
    const torch::jit::WithInsertPoint behind(node->next());
    Value* const widened = graph->insert(c10::aten::to, {rows, at::kFloat, false, false});
    rows->replaceAllUsesAfterNodeWith(widened->node(), widened);
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
