// A table that rows are looked up in, a third of a text tower's weights, keeps the size that its
// package or the precision gives it: the few rows of a call are widened once they are looked up.
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/div.h>
#include <ATen/ops/round.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/passes/graph.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

constexpr float kLargestHalf = 65504;

// [rows, width] -> 8-bit integers and a scale a row, from its largest absolute value.
PackedLayers::Table quantized(const at::Tensor& weight) {
  const at::Tensor wide = weight.to(at::kFloat);
  const at::Tensor largest = at::amax(at::abs(wide), /*dim=*/{1}, /*keepdim=*/true);
  const at::Tensor scales = at::div(largest, 127).clamp_min(1e-30);
  return {at::round(at::div(wide, scales)).to(at::kChar), scales};
}

PackedLayers::Table packed(const at::Tensor& weight, Operands operands) {
  const bool narrow = weight.scalar_type() == at::kHalf;
  if (operands == Operands::kF32 || (operands == Operands::kBf16 && narrow)) return {weight, {}};
  const auto largest = at::amax(at::abs(weight)).to(at::kFloat).item<float>();
  if (!(largest <= kLargestHalf)) return {weight, {}};  // nor infinite, nor no number
  return operands == Operands::kInt8 ? quantized(weight)
                                     : PackedLayers::Table{weight.to(at::kHalf), {}};
}

}  // namespace

PackedLayers::Table PackedLayers::table(const at::Tensor& weight) {
  const auto found = tables_.find(weight.const_data_ptr());
  if (found != tables_.end()) return found->second.packed;
  Table table = passes::packed(weight, arithmetic_.layers);
  return tables_.emplace(weight.const_data_ptr(), TableEntry{weight, std::move(table)})
      .first->second.packed;
}

std::int64_t pack_tables(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::embedding)) {
    const auto weight = constant_weight(node->input(0));
    if (!weight || weight->dim() != 2) continue;
    const PackedLayers::Table table = layers.table(*weight);
    if (table.rows.scalar_type() == at::kFloat) continue;
    const auto look_up = [&](const at::Tensor& rows) {
      return graph->insert(c10::aten::embedding, {graph->insertConstant(rows), node->input(1)});
    };
    const torch::jit::WithInsertPoint before(node);
    Value* rows = graph->insert(c10::aten::to, {look_up(table.rows), at::kFloat, false, false});
    if (table.scales.defined()) {
      rows = graph->insert(c10::aten::mul, {rows, look_up(table.scales)});
    }
    node->output()->replaceAllUsesWith(rows);
    node->destroy();
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
