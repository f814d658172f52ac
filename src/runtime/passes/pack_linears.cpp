#include <torch/csrc/jit/ir/constants.h>

#include <optional>

#include "core/check.h"
#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

// The constant bias of a layer; undefined where it has none; nullopt where it is computed.
std::optional<at::Tensor> constant_bias(const Value* value) {
  if (value->mustBeNone()) return at::Tensor();
  auto bias = constant_floats(value);
  if (!bias || bias->dim() != 1) return std::nullopt;
  return bias->contiguous();
}

}  // namespace

c10::intrusive_ptr<PackedLinear> PackedLayers::of(const at::Tensor& weight, const at::Tensor& bias,
                                                  Operands operands) {
  const Key key{weight.const_data_ptr(), bias.defined() ? bias.const_data_ptr() : nullptr};
  const auto found = layers_.find(key);
  if (found != layers_.end()) return found->second.layer;
  c10::intrusive_ptr<PackedLinear> layer;
  try {
    layer = c10::make_intrusive<PackedLinear>(weight, bias, operands);
  } catch (const Error& error) {  // of the trial: the layer stays as it is
    refusals_.emplace_back(error.what());
  }
  return layers_.emplace(key, Entry{weight, bias, std::move(layer)}).first->second.layer;
}

std::int64_t pack_linears(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::linear)) {
    const auto weight = constant_floats(node->input(1));
    const auto bias = constant_bias(node->input(2));
    if (!weight || weight->dim() != 2 || !bias) continue;
    auto layer = layers.of(*weight, *bias, layers.arithmetic().layers);
    if (!layer) continue;
    replace(node, make_linear(*graph, node->input(0), std::move(layer)));
    ++changed;
  }
  return changed;
}

std::int64_t pack_patches(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::conv2d)) {
    if (node->inputs().size() != 7) continue;
    const auto weight = constant_floats(node->input(1));
    const auto bias = constant_bias(node->input(2));
    if (!weight || weight->dim() != 4 || !bias) continue;
    const std::int64_t side = weight->size(2);
    const bool is_patches = side > 1 && weight->size(3) == side &&
                            is_sizes(node->input(3), {side, side}) &&
                            is_sizes(node->input(4), {0, 0}) && is_sizes(node->input(5), {1, 1}) &&
                            is_number(node->input(6), 1);
    if (!is_patches) continue;
    auto layer =
        layers.of(weight->reshape({weight->size(0), -1}), *bias, layers.arithmetic().rest);
    if (!layer) continue;
    replace(node, make_patches(*graph, node->input(0), std::move(layer), side));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
