// Rewrites of a method's graph, frozen and with its calls inlined, that make it faster and leave
// its values within the contract's bound (1e-5, max abs difference / max abs value). A graph
// without a pass's pattern stays as it is.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/intrusive_ptr.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/passes/graph.h"
#include "runtime/passes/packed_convolution.h"
#include "runtime/passes/packed_linear.h"
#include "runtime/passes/pooled_attention.h"

namespace glint::passes {

// What products are made of: those of linear layers, and the others (patches, attention).
struct Arithmetic {
  Operands layers = Operands::kF32;
  Operands rest = Operands::kF32;
};

// The packed layers of a tower, whose methods share weights: of linear layers [out, in] and of
// convolutions [out, channels, down, across].
class PackedLayers {
 public:
  explicit PackedLayers(Arithmetic arithmetic) : arithmetic_(arithmetic) {}

  const Arithmetic& arithmetic() const { return arithmetic_; }

  // nullptr where packing failed, which refusals() then tells.
  c10::intrusive_ptr<PackedLinear> linear(const at::Tensor& weight, const at::Tensor& bias);
  c10::intrusive_ptr<PackedConvolution> convolution(const at::Tensor& weight,
                                                    const at::Tensor& bias,
                                                    const ConvolutionStep& step);
  c10::intrusive_ptr<PooledAttention> pooled_attention(const at::Tensor& key,
                                                       const at::Tensor& value,
                                                       const at::Tensor& bias, std::int64_t heads);
  // What one of these layers was made of.
  struct Plain {
    at::Tensor weight, bias;
  };
  Plain plain(const PackedLinear& layer) const;
  // A table [rows, width] whose rows are looked up: as it is stored for products of f32, f16 for
  // bf16, for kInt8 with a scale a row [rows, 1]. One that f16 cannot hold stays.
  struct Table {
    at::Tensor rows, scales;
  };
  Table table(const at::Tensor& weight);
  const std::vector<std::string>& refusals() const { return refusals_; }

 private:
  enum class Kind { kRows, kWindows, kPooling };
  struct Key {
    Kind kind;
    const void *weight, *bias;  // their data; of pooled attention, the key's and the value's
    std::int64_t count;         // outputs, which may be the first of another weight's; or heads
    ConvolutionStep step;       // of a convolution
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    Plain plain;  // holds the data, so that no other tensor gets its address
    c10::intrusive_ptr<torch::CustomClassHolder> layer;
  };
  template <typename Layer, typename... Arguments>
  c10::intrusive_ptr<Layer> find_or_make(const Key& key, const at::Tensor& weight,
                                         const at::Tensor& bias, const Arguments&... arguments);

  struct TableEntry {
    at::Tensor plain;  // as in Entry
    Table packed;
  };

  Arithmetic arithmetic_;
  std::map<const void*, TableEntry> tables_;
  std::map<Key, Entry> layers_;
  std::vector<std::string> refusals_;
};

// Each returns how many places it changed.

// aten::embedding with a constant table -> one with a table of f16, or of 8-bit integers and
// scales, as the package or the layers' products have it, and its rows widened to f32.
std::int64_t pack_tables(const Graph& graph, PackedLayers& layers);
// aten::linear with constant weights, f32 or f16 -> glint::linear.
std::int64_t pack_linears(const Graph& graph, PackedLayers& layers);
// aten::conv2d with constant f32 weights, of one group and no dilation -> glint::convolution.
std::int64_t pack_convolutions(const Graph& graph, PackedLayers& layers);
// A layer and the GELU or QuickGELU that alone uses it -> one layer.
std::int64_t fuse_activations(const Graph& graph);
// The sum of anything and a layer that nothing else uses -> a layer of two inputs.
std::int64_t fuse_residuals(const Graph& graph);
// A layer and the ReLU that alone uses it -> one layer.
std::int64_t fuse_relus(const Graph& graph);
// A layer norm that only glint::linear and questions for its sizes use -> part of each layer.
std::int64_t fuse_norms(const Graph& graph);
// aten::scaled_dot_product_attention without a mask -> glint::attention.
std::int64_t pack_attention(const Graph& graph, const PackedLayers& layers);
// A constant token picked behind the last transformer block -> that block for this token alone.
std::int64_t narrow_tokens(const Graph& graph);
// Attention of one constant token's query to all tokens -> glint::pooled_attention.
std::int64_t pool_attention(const Graph& graph, PackedLayers& layers);
// Attention of one layer's three parts, its heads merged -> glint::self_attention.
std::int64_t fuse_heads(const Graph& graph);
// Rows whole pages apart that only glint::linear reads -> a little further apart, without a copy.
std::int64_t space_rows(const Graph& graph);

// All of them in order, on a graph that computes on the CPU. -> the names of those that changed it
std::vector<std::string> run(const Graph& graph, PackedLayers& layers);

}  // namespace glint::passes
