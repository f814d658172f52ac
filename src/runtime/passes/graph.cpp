#include "runtime/passes/graph.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

namespace glint::passes {

using torch::jit::Node;
using torch::jit::Value;

std::vector<Node*> nodes_of(const Graph& graph, c10::Symbol kind) {
  std::vector<Node*> found;
  auto copy = graph;
  torch::jit::DepthFirstGraphNodeIterator nodes(copy);
  for (Node* node = nodes.next(); node != nullptr; node = nodes.next()) {
    if (node->kind() == kind) found.push_back(node);
  }
  return found;
}

std::optional<at::Tensor> constant_tensor(const Value* value) {
  const auto constant = torch::jit::toIValue(value);
  if (!constant || !constant->isTensor()) return std::nullopt;
  return constant->toTensor();
}

std::optional<at::Tensor> constant_floats(const Value* value) {
  auto tensor = constant_tensor(value);
  const bool fits =
      tensor && tensor->is_cpu() && tensor->scalar_type() == at::kFloat && tensor->numel() > 0;
  return fits ? tensor : std::nullopt;
}

std::optional<at::Tensor> constant_weight(const Value* value) {
  auto tensor = constant_tensor(value);
  const bool fits = tensor && tensor->is_cpu() && tensor->numel() > 0 &&
                    (tensor->scalar_type() == at::kFloat || tensor->scalar_type() == at::kHalf);
  return fits ? tensor : std::nullopt;
}

std::optional<std::int64_t> constant_int(const Value* value) {
  const auto constant = torch::jit::toIValue(value);
  return constant && constant->isInt() ? std::optional(constant->toInt()) : std::nullopt;
}

bool is_number(const Value* value, double wanted) {
  const auto constant = torch::jit::toIValue(value);
  return constant && constant->isScalar() && constant->toScalar().toDouble() == wanted;
}

std::optional<std::vector<std::int64_t>> constant_sizes(const Value* value) {
  const auto constant = torch::jit::toIValue(value);
  if (!constant || !constant->isIntList()) return std::nullopt;
  return constant->toIntVector();
}

bool is_sizes(const Value* value, const std::vector<std::int64_t>& wanted) {
  return constant_sizes(value) == wanted;
}

bool swaps(const Node* node, std::int64_t a, std::int64_t b) {
  return node->kind() == c10::aten::transpose && constant_int(node->input(1)) == a &&
         constant_int(node->input(2)) == b;
}

}  // namespace glint::passes
