// What follows a packed layer, computed while its result is still in registers.
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <cmath>
#include <optional>

#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Use;
using torch::jit::Value;

std::vector<Node*> linears(const Graph& graph) {
  std::vector<Node*> found;
  auto copy = graph;
  torch::jit::DepthFirstGraphNodeIterator nodes(copy);
  for (Node* node = nodes.next(); node != nullptr; node = nodes.next()) {
    if (node->kind() == kLinear && activation_of(node) == Activation::kNone) found.push_back(node);
  }
  return found;
}

bool is_number(const Value* value, double wanted) {
  const auto constant = torch::jit::toIValue(value);
  return constant && constant->isScalar() && constant->toScalar().toDouble() == wanted;
}

// The node that multiplies y with `factor`, which is one of two users of y.
Node* quick_gelu_end(const Value* y) {
  if (y->uses().size() != 2) return nullptr;
  for (const Use& use : y->uses()) {
    Node* scaled = use.user;
    if (scaled->kind() != c10::aten::mul || use.offset != 0 || !is_number(scaled->input(1), 1.702))
      continue;
    if (scaled->output()->uses().size() != 1) return nullptr;
    Node* sigmoid = scaled->output()->uses()[0].user;
    if (sigmoid->kind() != c10::aten::sigmoid || sigmoid->output()->uses().size() != 1)
      return nullptr;
    Node* product = sigmoid->output()->uses()[0].user;
    if (product->kind() != c10::aten::mul) return nullptr;
    const bool both = (product->input(0) == y && product->input(1) == sigmoid->output()) ||
                      (product->input(1) == y && product->input(0) == sigmoid->output());
    return both ? product : nullptr;
  }
  return nullptr;
}

Node* gelu_end(const Value* y) {
  if (y->uses().size() != 1) return nullptr;
  Node* user = y->uses()[0].user;
  if (user->kind() != c10::aten::gelu) return nullptr;
  const auto approximate = torch::jit::toIValue(user->input(1));
  const bool exact = approximate && approximate->isString() &&
                     approximate->toStringRef() == "none";
  return exact ? user : nullptr;
}

// The sum that y alone enters, with factor 1.
Node* sum_of(const Value* y) {
  if (y->uses().size() != 1) return nullptr;
  Node* user = y->uses()[0].user;
  const bool sum = user->kind() == c10::aten::add && user->inputs().size() == 3 &&
                   is_number(user->input(2), 1) &&
                   user->input(0)->type()->isSubtypeOf(*c10::TensorType::get()) &&
                   user->input(1)->type()->isSubtypeOf(*c10::TensorType::get());
  return sum && user->input(0) != user->input(1) ? user : nullptr;
}

}  // namespace

std::int64_t fuse_activations(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* node : linears(graph)) {
    Node* end = quick_gelu_end(node->output());
    const auto activation = end != nullptr ? Activation::kQuickGelu : Activation::kGelu;
    if (end == nullptr) end = gelu_end(node->output());
    if (end == nullptr || end->owningBlock() != node->owningBlock()) continue;
    replace(end, make_linear(*graph, node->input(0), layer_of(node), activation));
    ++changed;
  }
  return changed;
}

std::int64_t fuse_residuals(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* node : linears(graph)) {
    Node* sum = sum_of(node->output());
    if (sum == nullptr || sum->owningBlock() != node->owningBlock()) continue;
    Value* other = sum->input(0) == node->output() ? sum->input(1) : sum->input(0);
    replace(sum, make_linear_add(*graph, node->input(0), other, layer_of(node)));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
