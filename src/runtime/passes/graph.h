// What passes ask of a graph.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <optional>
#include <vector>

namespace glint::passes {

using Graph = std::shared_ptr<torch::jit::Graph>;

// The nodes of a kind, inner blocks included.
std::vector<torch::jit::Node*> nodes_of(const Graph& graph, c10::Symbol kind);

std::optional<at::Tensor> constant_tensor(const torch::jit::Value* value);
// f32 numbers on the CPU, at least one.
std::optional<at::Tensor> constant_floats(const torch::jit::Value* value);
// The same of a layer that is to be packed: f32, or f16 as it is stored.
std::optional<at::Tensor> constant_weight(const torch::jit::Value* value);
std::optional<std::int64_t> constant_int(const torch::jit::Value* value);
bool is_number(const torch::jit::Value* value, double wanted);
std::optional<std::vector<std::int64_t>> constant_sizes(const torch::jit::Value* value);
bool is_sizes(const torch::jit::Value* value, const std::vector<std::int64_t>& wanted);
// Whether a node is transpose(x, a, b).
bool swaps(const torch::jit::Node* node, std::int64_t a, std::int64_t b);

}  // namespace glint::passes
