// Rewrites of a method's graph, frozen and with its calls inlined, that make it faster and leave
// its values within the contract's bound (1e-5, max abs difference / max abs value). A graph
// without a pass's pattern stays as it is.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/passes/packed_linear.h"

namespace glint::passes {

using Graph = std::shared_ptr<torch::jit::Graph>;

// The packed layers of a tower, whose methods share weights.
class PackedLayers {
 public:
  explicit PackedLayers(Operands operands) : operands_(operands) {}

  // nullptr where packing failed, which refusals() then tells.
  c10::intrusive_ptr<PackedLinear> of(const at::Tensor& weight, const at::Tensor& bias);
  const std::vector<std::string>& refusals() const { return refusals_; }

 private:
  using Key = std::pair<const void*, const void*>;  // the data of weight and bias
  struct Entry {
    at::Tensor weight, bias;  // hold the data, so that no other tensor gets its address
    c10::intrusive_ptr<PackedLinear> layer;
  };
  Operands operands_;
  std::map<Key, Entry> layers_;
  std::vector<std::string> refusals_;
};

// Each returns how many places it changed.

// aten::linear with constant f32 weights -> glint::linear.
std::int64_t pack_linears(const Graph& graph, PackedLayers& layers);
// aten::conv2d whose stride is its kernel (a ViT's patches) -> glint::patches, a packed layer too.
std::int64_t pack_patches(const Graph& graph, PackedLayers& layers);
// glint::linear and the GELU or QuickGELU that alone uses it -> one glint::linear.
std::int64_t fuse_activations(const Graph& graph);
// The sum of anything and a glint::linear that nothing else uses -> glint::linear_add.
std::int64_t fuse_residuals(const Graph& graph);

// All of them in order, on a graph that computes on the CPU. -> the names of those that changed it
std::vector<std::string> run(const Graph& graph, PackedLayers& layers);

}  // namespace glint::passes
