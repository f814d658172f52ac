#include "runtime/passes/operators.h"

#include <ATen/ops/layer_norm.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <mutex>
#include <optional>
#include <utility>

#include "runtime/passes/attend.h"

namespace glint::passes {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Operation;
using torch::jit::Operator;
using torch::jit::Stack;
using torch::jit::Value;

const c10::Symbol kLinear = c10::Symbol::fromQualString("glint::linear");
const c10::Symbol kConvolution = c10::Symbol::fromQualString("glint::convolution");
const c10::Symbol kAttention = c10::Symbol::fromQualString("glint::attention");
const c10::Symbol kSelfAttention = c10::Symbol::fromQualString("glint::self_attention");

namespace {

const c10::Symbol kPooledAttention = c10::Symbol::fromQualString("glint::pooled_attention");
const c10::Symbol kLayer = c10::Symbol::attr("layer");
const c10::Symbol kActivation = c10::Symbol::attr("activation");
const c10::Symbol kNorm = c10::Symbol::attr("norm");
const c10::Symbol kRectify = c10::Symbol::attr("rectify");
const c10::Symbol kSpaced = c10::Symbol::attr("spaced");
const c10::Symbol kCausal = c10::Symbol::attr("causal");
const c10::Symbol kScale = c10::Symbol::attr("scale");
const c10::Symbol kHeads = c10::Symbol::attr("heads");
const c10::Symbol kOperands = c10::Symbol::attr("operands");

at::Tensor pop(Stack& stack) {
  at::Tensor tensor = std::move(stack.back()).toTensor();
  stack.pop_back();
  return tensor;
}

template <typename Layer>
c10::intrusive_ptr<Layer> held(const Node* node) {
  return c10::static_intrusive_pointer_cast<Layer>(node->ival(kLayer).toCapsule());
}

LinearSteps steps_of(const Node* node) {
  return {norm_of(node), activation_of(node), at::Tensor(), rectifies(node),
          node->hasAttribute(kSpaced)};
}

Operation linear(const Node* node) {
  const bool adds = node->inputs().size() == 2;
  return [layer = layer_of(node), steps = steps_of(node), adds](Stack& stack) {
    LinearSteps now = steps;
    if (adds) now.other = pop(stack);
    const at::Tensor x = pop(stack);
    stack.emplace_back(layer->run(x, std::move(now)));
  };
}

Operation convolution(const Node* node) {
  const bool adds = node->inputs().size() == 2;
  return [layer = held<PackedConvolution>(node), steps = steps_of(node), adds](Stack& stack) {
    LinearSteps now = steps;
    if (adds) now.other = pop(stack);
    const at::Tensor pixels = pop(stack);
    stack.emplace_back(layer->run(pixels, std::move(now)));
  };
}

Operation attention(const Node* node) {
  return [step = step_of(node)](Stack& stack) {
    const at::Tensor v = pop(stack), k = pop(stack), q = pop(stack);
    stack.emplace_back(attend(q, k, v, step));
  };
}

Operation self_attention(const Node* node) {
  return [step = step_of(node), heads = node->i(kHeads)](Stack& stack) {
    const at::Tensor qkv = pop(stack);
    stack.emplace_back(attend_to_itself(qkv, heads, step));
  };
}

Operation pooled_attention(const Node* node) {
  return [layer = held<PooledAttention>(node), norm = norm_of(node),
          scale = node->f(kScale)](Stack& stack) {
    at::Tensor x = pop(stack);
    const at::Tensor q = pop(stack);
    if (norm) x = at::layer_norm(x, norm->weight.sizes(), norm->weight, norm->bias, norm->epsilon);
    stack.emplace_back(layer->run(q, x, scale));
  };
}

}  // namespace

void register_operators() {
  static std::once_flag once;
  std::call_once(once, [] {
    const auto add = [](const char* schema, Operation (*create)(const Node*)) {
      torch::jit::registerOperator(Operator(schema, create, c10::AliasAnalysisKind::FROM_SCHEMA));
    };
    // "...": operators of fixed arguments share one Operation among all nodes of a name.
    add("glint::linear(...) -> Tensor", linear);
    add("glint::convolution(...) -> Tensor", convolution);
    add("glint::attention(...) -> Tensor", attention);
    add("glint::self_attention(...) -> Tensor", self_attention);
    add("glint::pooled_attention(...) -> Tensor", pooled_attention);
  });
}

c10::intrusive_ptr<PackedLinear> layer_of(const Node* linear) { return held<PackedLinear>(linear); }

Activation activation_of(const Node* node) { return static_cast<Activation>(node->i(kActivation)); }

c10::intrusive_ptr<NormWeights> norm_of(const Node* node) {
  if (!node->hasAttribute(kNorm)) return {};
  return c10::static_intrusive_pointer_cast<NormWeights>(node->ival(kNorm).toCapsule());
}

AttentionStep step_of(const Node* attention) {
  return {
      .causal = attention->i(kCausal) != 0,
      .scale = attention->hasAttribute(kScale) ? std::optional(attention->f(kScale)) : std::nullopt,
      .operands = static_cast<Operands>(attention->i(kOperands)),
      .spaced = attention->hasAttribute(kSpaced)};
}

bool is_layer(const Node* node) { return node->kind() == kLinear || node->kind() == kConvolution; }

bool rectifies(const Node* node) { return node->i(kRectify) != 0; }

namespace {

Node* make_layer(Graph& graph, c10::Symbol kind, Value* x,
                 c10::intrusive_ptr<torch::CustomClassHolder> layer) {
  Node* node = graph.create(kind, {x}, 1);
  node->ival_(kLayer, c10::IValue::make_capsule(std::move(layer)));
  node->i_(kRectify, 0);
  set_activation(node, Activation::kNone);
  return node;
}

}  // namespace

Node* make_linear(Graph& graph, Value* x, c10::intrusive_ptr<PackedLinear> layer) {
  return make_layer(graph, kLinear, x, std::move(layer));
}

Node* make_convolution(Graph& graph, Value* pixels, c10::intrusive_ptr<PackedConvolution> layer) {
  return make_layer(graph, kConvolution, pixels, std::move(layer));
}

namespace {

Node* with_step(Node* node, const AttentionStep& step) {
  node->i_(kCausal, step.causal ? 1 : 0);
  if (step.scale) node->f_(kScale, *step.scale);
  node->i_(kOperands, static_cast<std::int64_t>(step.operands));
  return node;
}

}  // namespace

Node* make_attention(Graph& graph, at::ArrayRef<Value*> q_k_v, AttentionStep step) {
  return with_step(graph.create(kAttention, q_k_v, 1), step);
}

Node* make_self_attention(Graph& graph, Value* qkv, std::int64_t heads, AttentionStep step) {
  Node* node = graph.create(kSelfAttention, {qkv}, 1);
  node->i_(kHeads, heads);
  return with_step(node, step);
}

Node* make_pooled_attention(Graph& graph, Value* q, Value* x,
                            c10::intrusive_ptr<PooledAttention> layer, double scale) {
  Node* node = graph.create(kPooledAttention, {q, x}, 1);
  node->ival_(kLayer, c10::IValue::make_capsule(std::move(layer)));
  node->f_(kScale, scale);
  return node;
}

void set_activation(Node* node, Activation activation) {
  node->i_(kActivation, static_cast<std::int64_t>(activation));
}

void set_norm(Node* node, c10::intrusive_ptr<NormWeights> norm) {
  node->ival_(kNorm, c10::IValue::make_capsule(std::move(norm)));
}

void set_other(Node* node, Value* other) { node->addInput(other); }

void set_rectify(Node* node) { node->i_(kRectify, 1); }

void set_spaced(Node* node) { node->i_(kSpaced, 1); }

void replace(Node* old, Node* fresh) {
  fresh->insertBefore(old);
  fresh->output()->setType(old->output()->type());
  old->output()->replaceAllUsesWith(fresh->output());
  old->destroy();
}

}  // namespace glint::passes
