// The operators that passes put into a graph. What a node computes with hangs on the node itself,
// as an attribute, so no constant of a new type and no class is registered anywhere.
//
//   glint::linear(Tensor x) -> Tensor                     activation(x W^T + b)
//   glint::linear_add(Tensor x, Tensor other) -> Tensor   x W^T + b + other, broadcast
//   glint::patches(Tensor pixels) -> Tensor               a convolution, stride = kernel
#pragma once

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/jit/ir/ir.h>

#include "runtime/passes/packed_linear.h"

namespace glint::passes {

extern const c10::Symbol kLinear;
extern const c10::Symbol kLinearAdd;
extern const c10::Symbol kPatches;

// Makes TorchScript know the operators; the first call does.
void register_operators();

c10::intrusive_ptr<PackedLinear> layer_of(const torch::jit::Node* node);
Activation activation_of(const torch::jit::Node* node);

// New nodes, not yet inserted.
torch::jit::Node* make_linear(torch::jit::Graph& graph, torch::jit::Value* x,
                              c10::intrusive_ptr<PackedLinear> layer, Activation activation);
torch::jit::Node* make_linear_add(torch::jit::Graph& graph, torch::jit::Value* x,
                                  torch::jit::Value* other,
                                  c10::intrusive_ptr<PackedLinear> layer);
// side: of a patch, pixels.
torch::jit::Node* make_patches(torch::jit::Graph& graph, torch::jit::Value* pixels,
                               c10::intrusive_ptr<PackedLinear> layer, std::int64_t side);

// Puts `fresh` where `old` is, whose one output it stands for, and removes `old`.
void replace(torch::jit::Node* old, torch::jit::Node* fresh);

}  // namespace glint::passes
