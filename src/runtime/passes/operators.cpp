#include "runtime/passes/operators.h"

#include <torch/csrc/jit/runtime/operator.h>

#include <mutex>
#include <utility>

namespace glint::passes {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Operation;
using torch::jit::Operator;
using torch::jit::Stack;
using torch::jit::Value;

const c10::Symbol kLinear = c10::Symbol::fromQualString("glint::linear");
const c10::Symbol kLinearAdd = c10::Symbol::fromQualString("glint::linear_add");
const c10::Symbol kPatches = c10::Symbol::fromQualString("glint::patches");

namespace {

const c10::Symbol kLayer = c10::Symbol::attr("layer");
const c10::Symbol kActivation = c10::Symbol::attr("activation");
const c10::Symbol kSide = c10::Symbol::attr("side");

at::Tensor pop(Stack& stack) {
  at::Tensor tensor = std::move(stack.back()).toTensor();
  stack.pop_back();
  return tensor;
}

Operation linear(const Node* node) {
  return [layer = layer_of(node), activation = activation_of(node)](Stack& stack) {
    const at::Tensor x = pop(stack);
    stack.emplace_back(layer->run(x, activation));
  };
}

Operation linear_add(const Node* node) {
  return [layer = layer_of(node)](Stack& stack) {
    const at::Tensor other = pop(stack), x = pop(stack);
    stack.emplace_back(layer->run_add(x, other));
  };
}

// pixels [B, C, H, W] -> [B, out, H / side, W / side], a view whose channels lie together, as a
// transformer wants them next.
Operation patches(const Node* node) {
  return [layer = layer_of(node), side = node->i(kSide)](Stack& stack) {
    const at::Tensor pixels = pop(stack);
    TORCH_CHECK(pixels.dim() == 4, "expected pixels of rank 4, got ", pixels.dim());
    const std::int64_t batch = pixels.size(0), channels = pixels.size(1);
    const std::int64_t rows = pixels.size(2) / side, columns = pixels.size(3) / side;
    const at::Tensor whole = pixels.slice(2, 0, rows * side).slice(3, 0, columns * side);
    const at::Tensor cut = whole.reshape({batch, channels, rows, side, columns, side})
                               .permute({0, 2, 4, 1, 3, 5})
                               .reshape({batch, rows, columns, channels * side * side});
    stack.emplace_back(layer->run(cut, Activation::kNone).permute({0, 3, 1, 2}));
  };
}

Node* make(Graph& graph, c10::Symbol kind, at::ArrayRef<Value*> inputs,
           c10::intrusive_ptr<PackedLinear> layer) {
  Node* node = graph.create(kind, inputs, 1);
  node->ival_(kLayer, c10::IValue::make_capsule(std::move(layer)));
  return node;
}

}  // namespace

void register_operators() {
  static std::once_flag once;
  std::call_once(once, [] {
    const auto add = [](const char* schema, Operation (*create)(const Node*)) {
      torch::jit::registerOperator(
          Operator(schema, create, c10::AliasAnalysisKind::FROM_SCHEMA));
    };
    // "...": operators of fixed arguments share one Operation among all nodes of a name.
    add("glint::linear(...) -> Tensor", linear);
    add("glint::linear_add(...) -> Tensor", linear_add);
    add("glint::patches(...) -> Tensor", patches);
  });
}

c10::intrusive_ptr<PackedLinear> layer_of(const Node* node) {
  return c10::static_intrusive_pointer_cast<PackedLinear>(node->ival(kLayer).toCapsule());
}

Activation activation_of(const Node* node) { return static_cast<Activation>(node->i(kActivation)); }

Node* make_linear(Graph& graph, Value* x, c10::intrusive_ptr<PackedLinear> layer,
                  Activation activation) {
  Node* node = make(graph, kLinear, {x}, std::move(layer));
  node->i_(kActivation, static_cast<std::int64_t>(activation));
  return node;
}

Node* make_linear_add(Graph& graph, Value* x, Value* other,
                      c10::intrusive_ptr<PackedLinear> layer) {
  return make(graph, kLinearAdd, {x, other}, std::move(layer));
}

Node* make_patches(Graph& graph, Value* pixels, c10::intrusive_ptr<PackedLinear> layer,
                   std::int64_t side) {
  Node* node = make(graph, kPatches, {pixels}, std::move(layer));
  node->i_(kSide, side);
  return node;
}

void replace(Node* old, Node* fresh) {
  fresh->insertBefore(old);
  fresh->output()->setType(old->output()->type());
  old->output()->replaceAllUsesWith(fresh->output());
  old->destroy();
}

}  // namespace glint::passes
