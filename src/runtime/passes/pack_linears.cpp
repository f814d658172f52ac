#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <optional>

#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

std::optional<at::Tensor> constant_tensor(const Value* value) {
  const auto constant = torch::jit::toIValue(value);
  if (!constant || !constant->isTensor()) return std::nullopt;
  return constant->toTensor();
}

bool fits(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.numel() > 0;
}

// The constant bias of a layer; undefined where it has none; nullopt where it is computed.
std::optional<at::Tensor> constant_bias(const Value* value) {
  if (value->mustBeNone()) return at::Tensor();
  auto bias = constant_tensor(value);
  if (!bias || !fits(*bias) || bias->dim() != 1) return std::nullopt;
  return bias;
}

std::optional<std::vector<std::int64_t>> constant_sizes(const Value* value) {
  const auto constant = torch::jit::toIValue(value);
  if (!constant || !constant->isIntList()) return std::nullopt;
  return constant->toIntVector();
}

bool is_pair(const Value* value, std::int64_t wanted) {
  const auto sizes = constant_sizes(value);
  return sizes && *sizes == std::vector<std::int64_t>{wanted, wanted};
}

std::vector<Node*> nodes_of(const Graph& graph, c10::Symbol kind) {
  std::vector<Node*> found;
  auto copy = graph;
  torch::jit::DepthFirstGraphNodeIterator nodes(copy);
  for (Node* node = nodes.next(); node != nullptr; node = nodes.next()) {
    if (node->kind() == kind) found.push_back(node);
  }
  return found;
}

}  // namespace

c10::intrusive_ptr<PackedLinear> PackedLayers::of(const at::Tensor& weight,
                                                  const at::Tensor& bias) {
  const Key key{weight.const_data_ptr(), bias.defined() ? bias.const_data_ptr() : nullptr};
  const auto found = layers_.find(key);
  if (found != layers_.end()) return found->second.layer;
  c10::intrusive_ptr<PackedLinear> layer;
  try {
    layer = c10::make_intrusive<PackedLinear>(weight, bias, operands_);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {  // of oneDNN, or of the trial: it stays as it is
    refusals_.emplace_back(error.what());
  }
  return layers_.emplace(key, Entry{weight, bias, std::move(layer)}).first->second.layer;
}

std::int64_t pack_linears(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::linear)) {
    const auto weight = constant_tensor(node->input(1));
    const auto bias = constant_bias(node->input(2));
    if (!weight || !fits(*weight) || weight->dim() != 2 || !bias) continue;
    auto layer = layers.of(*weight, *bias);
    if (!layer) continue;
    replace(node, make_linear(*graph, node->input(0), std::move(layer), Activation::kNone));
    ++changed;
  }
  return changed;
}

std::int64_t pack_patches(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::conv2d)) {
    if (node->inputs().size() != 7) continue;
    const auto weight = constant_tensor(node->input(1));
    const auto bias = constant_bias(node->input(2));
    const auto groups = torch::jit::toIValue(node->input(6));
    if (!weight || !fits(*weight) || weight->dim() != 4 || !bias) continue;
    const std::int64_t side = weight->size(2);
    const bool is_patches = weight->size(3) == side && is_pair(node->input(3), side) &&
                            is_pair(node->input(4), 0) && is_pair(node->input(5), 1) && groups &&
                            groups->isInt() && groups->toInt() == 1;
    if (!is_patches || side == 1) continue;
    auto layer = layers.of(weight->reshape({weight->size(0), -1}), *bias);
    if (!layer) continue;
    replace(node, make_patches(*graph, node->input(0), std::move(layer), side));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
