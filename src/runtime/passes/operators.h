// The operators that passes put into a graph. What a node computes with hangs on the node itself,
// as an attribute, so no constant of a new type and no class is registered anywhere.
//
//   glint::linear(Tensor x) -> Tensor                 activation(norm(x) W^T + b)
//   glint::linear(Tensor x, Tensor other) -> Tensor   the same + other, broadcast
//   glint::convolution(Tensor pixels) -> Tensor       activation(conv2d(pixels))
//   glint::convolution(Tensor pixels, Tensor other) -> Tensor
//                                                     the same + other, broadcast
//   glint::attention(Tensor q, Tensor k, Tensor v) -> Tensor
//                                                     softmax(q k^T scale) v
//   glint::self_attention(Tensor qkv) -> Tensor       the same of a layer's three parts, heads
//   merged glint::pooled_attention(Tensor q, Tensor x) -> Tensor
//                                                     the same of norm(x) W^T, one query a head
// The first four ("layers") may end in max(y, 0).
#pragma once

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/jit/ir/ir.h>

#include <cmath>
#include <optional>

#include "runtime/passes/packed_convolution.h"
#include "runtime/passes/packed_linear.h"
#include "runtime/passes/pooled_attention.h"

namespace glint::passes {

extern const c10::Symbol kLinear;
extern const c10::Symbol kConvolution;
extern const c10::Symbol kAttention;
extern const c10::Symbol kSelfAttention;

// Makes TorchScript know the operators; the first call does.
void register_operators();

// Of a layer.
bool is_layer(const torch::jit::Node* node);
c10::intrusive_ptr<PackedLinear> layer_of(const torch::jit::Node* linear);
Activation activation_of(const torch::jit::Node* node);
bool rectifies(const torch::jit::Node* node);
c10::intrusive_ptr<NormWeights> norm_of(const torch::jit::Node* node);  // nullptr without one

struct AttentionStep {
  bool causal;
  std::optional<double> scale;  // 1 / sqrt(width of a head) without one
  Operands operands;
  bool spaced = false;  // of self attention: the result is a spaced_tensor

  double scale_of(std::int64_t width) const {
    return scale.value_or(1 / std::sqrt(static_cast<double>(width)));
  }
};
AttentionStep step_of(const torch::jit::Node* attention);

// New nodes, not yet inserted.
torch::jit::Node* make_linear(torch::jit::Graph& graph, torch::jit::Value* x,
                              c10::intrusive_ptr<PackedLinear> layer);
torch::jit::Node* make_convolution(torch::jit::Graph& graph, torch::jit::Value* pixels,
                                   c10::intrusive_ptr<PackedConvolution> layer);
torch::jit::Node* make_attention(torch::jit::Graph& graph, at::ArrayRef<torch::jit::Value*> q_k_v,
                                 AttentionStep step);
torch::jit::Node* make_self_attention(torch::jit::Graph& graph, torch::jit::Value* qkv,
                                      std::int64_t heads, AttentionStep step);
torch::jit::Node* make_pooled_attention(torch::jit::Graph& graph, torch::jit::Value* q,
                                        torch::jit::Value* x,
                                        c10::intrusive_ptr<PooledAttention> layer, double scale);

// What a layer does besides the product; each on a node that does not do it yet.
void set_activation(torch::jit::Node* node, Activation activation);
void set_norm(torch::jit::Node* node, c10::intrusive_ptr<NormWeights> norm);
void set_other(torch::jit::Node* node, torch::jit::Value* other);
void set_rectify(torch::jit::Node* node);
// Of a linear layer or self attention: the result is a spaced_tensor.
void set_spaced(torch::jit::Node* node);

// Puts `fresh` where `old` is, whose one output it stands for, and removes `old`.
void replace(torch::jit::Node* old, torch::jit::Node* fresh);

}  // namespace glint::passes
