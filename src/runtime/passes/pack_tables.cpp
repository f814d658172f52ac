// A table that rows are looked up in, a third of a text tower's weights, keeps the size that its
// package or the precision gives it: the few rows of a call are widened once they are looked up.
#include <ATen/ops/aminmax.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <utility>

#include "kernels/quantize_row.h"
#include "runtime/passes/graph.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

constexpr float kLargestHalf = 65504;

// [rows, width] -> 8-bit integers and a scale a row, some rows at a time.
PackedLayers::Table quantized(const at::Tensor& weight) {
  constexpr std::int64_t kRows = 512;
  const std::int64_t count = weight.size(0), width = weight.size(1);
  PackedLayers::Table table{at::empty(weight.sizes(), at::kChar),
                            at::empty({count, 1}, at::kFloat)};
  auto* to = table.rows.mutable_data_ptr<std::int8_t>();
  auto* scales = table.scales.mutable_data_ptr<float>();
  for (std::int64_t begin = 0; begin < count; begin += kRows) {
    const std::int64_t rows = std::min(kRows, count - begin);
    const at::Tensor wide = weight.narrow(0, begin, rows).to(at::kFloat).contiguous();
    const auto* from = wide.const_data_ptr<float>();
    for (std::int64_t row = 0; row < rows; ++row, from += width, to += width) {
      *scales++ = quantize_row({from, static_cast<std::size_t>(width)}, to);
    }
  }
  return table;
}

bool fits_f16(const at::Tensor& weight) {
  const auto [least, most] = at::aminmax(weight);
  const auto largest =
      std::max(-least.to(at::kFloat).item<float>(), most.to(at::kFloat).item<float>());
  return largest <= kLargestHalf;  // not where one is no number
}

PackedLayers::Table packed(const at::Tensor& weight, Operands operands) {
  const bool narrow = weight.scalar_type() == at::kHalf;
  const bool as_it_is = operands == Operands::kF32 || (operands == Operands::kBf16 && narrow);
  if (as_it_is || !fits_f16(weight)) return {weight, {}};
  if (operands == Operands::kInt8) return quantized(weight);
  return {weight.to(at::kHalf), {}};
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
