// What surrounds a packed layer, computed with it.
#include <torch/csrc/jit/ir/constants.h>

#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Use;
using torch::jit::Value;

std::vector<Node*> layers_of(const Graph& graph) {
  std::vector<Node*> found = nodes_of(graph, kLinear);
  const std::vector<Node*> convolutions = nodes_of(graph, kConvolution);
  found.insert(found.end(), convolutions.begin(), convolutions.end());
  return found;
}

// Without anything behind the product yet.
bool is_plain(const Node* node) {
  return activation_of(node) == Activation::kNone && node->inputs().size() == 1 && !rectifies(node);
}

// `end` computes what `node` does from now on.
void absorb(Node* node, Node* end) {
  node->output()->setType(end->output()->type());
  end->output()->replaceAllUsesWith(node->output());
  end->destroy();
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
  const bool exact = approximate && approximate->isString() && approximate->toStringRef() == "none";
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

// The weights of a norm over the last `size` numbers; nullptr where it is another one.
c10::intrusive_ptr<NormWeights> norm_over(const Node* node, std::int64_t size) {
  const auto weight = constant_floats(node->input(2)), bias = constant_floats(node->input(3));
  const auto epsilon = torch::jit::toIValue(node->input(4));
  const bool fits = weight && bias && is_sizes(node->input(1), {size}) && weight->numel() == size &&
                    bias->numel() == size && epsilon && epsilon->isDouble();
  if (!fits) return {};
  return c10::make_intrusive<NormWeights>(weight->contiguous(), bias->contiguous(),
                                          epsilon->toDouble());
}

// Whether all that use a norm are layers that can do it themselves, and questions for its sizes,
// which are those of what it normalises; `layer`: one of the layers.
bool only_layers_use(const Value* norm, Node*& layer) {
  layer = nullptr;
  for (const Use& use : norm->uses()) {
    if (use.user->kind() == c10::aten::size) continue;
    if (use.user->kind() != kLinear || use.offset != 0 || norm_of(use.user)) return false;
    layer = use.user;
  }
  return layer != nullptr;
}

}  // namespace

std::int64_t fuse_activations(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* node : layers_of(graph)) {
    if (!is_plain(node)) continue;
    Node* end = quick_gelu_end(node->output());
    const auto activation = end != nullptr ? Activation::kQuickGelu : Activation::kGelu;
    if (end == nullptr) end = gelu_end(node->output());
    if (end == nullptr || end->owningBlock() != node->owningBlock()) continue;
    set_activation(node, activation);
    absorb(node, end);
    ++changed;
  }
  return changed;
}

std::int64_t fuse_residuals(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* node : layers_of(graph)) {
    Node* sum = sum_of(node->output());
    if (!is_plain(node) || sum == nullptr || sum->owningBlock() != node->owningBlock()) continue;
    node->moveBefore(sum);  // behind whatever it is added to
    set_other(node, sum->input(0) == node->output() ? sum->input(1) : sum->input(0));
    absorb(node, sum);
    ++changed;
  }
  return changed;
}

std::int64_t fuse_relus(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* node : layers_of(graph)) {
    if (rectifies(node) || node->output()->uses().size() != 1) continue;
    Node* relu = node->output()->uses()[0].user;
    if (relu->kind() != c10::aten::relu || relu->owningBlock() != node->owningBlock()) continue;
    set_rectify(node);
    absorb(node, relu);
    ++changed;
  }
  return changed;
}

std::int64_t fuse_norms(const Graph& graph) {
  std::int64_t changed = 0;
  for (Node* norm : nodes_of(graph, c10::aten::layer_norm)) {
    Node* layer = nullptr;
    if (norm->inputs().size() != 6 || !only_layers_use(norm->output(), layer)) continue;
    const auto weights = norm_over(norm, layer_of(layer)->in_features());
    if (!weights) continue;
    for (const Use& use : norm->output()->uses()) {
      if (use.user->kind() == kLinear) set_norm(use.user, weights);
    }
    norm->output()->replaceAllUsesWith(norm->input(0));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
