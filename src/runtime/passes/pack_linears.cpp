#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <optional>

#include "core/check.h"
#include "runtime/passes/graph.h"
#include "runtime/passes/operators.h"
#include "runtime/passes/passes.h"

namespace glint::passes {
namespace {

using torch::jit::Node;
using torch::jit::Value;

constexpr std::int64_t kPixelChannels = 4;

// The constant bias of a layer of `out` outputs; undefined where it has none; nullopt where it is
// computed or does not fit.
std::optional<at::Tensor> constant_bias(const Value* value, std::int64_t out) {
  if (value->mustBeNone()) return at::Tensor();
  auto bias = constant_floats(value);
  if (!bias || bias->dim() != 1 || bias->size(0) != out) return std::nullopt;
  return bias->contiguous();
}

// Numbers of at least `least`: others are for LibTorch to refuse.
std::optional<Pair> constant_pair(const Value* value, std::int64_t least) {
  const auto sizes = constant_sizes(value);
  if (!sizes || sizes->size() != 2 || std::ranges::min(*sizes) < least) return std::nullopt;
  return Pair{(*sizes)[0], (*sizes)[1]};
}

// f32, in which layers are packed.
at::Tensor widened(const at::Tensor& weight) {
  return weight.defined() ? weight.to(at::kFloat) : weight;
}

const void* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr() : nullptr;
}

}  // namespace

template <typename Layer, typename... Arguments>
c10::intrusive_ptr<Layer> PackedLayers::find_or_make(const Key& key, const at::Tensor& weight,
                                                     const at::Tensor& bias,
                                                     const Arguments&... arguments) {
  auto found = layers_.find(key);
  if (found == layers_.end()) {
    c10::intrusive_ptr<Layer> layer;
    try {
      layer = c10::make_intrusive<Layer>(widened(weight), widened(bias), arguments...);
    } catch (const Error& error) {  // of the trial: the layer stays as it is
      refusals_.emplace_back(error.what());
    }
    found = layers_.emplace(key, Entry{{weight, bias}, std::move(layer)}).first;
  }
  return c10::static_intrusive_pointer_cast<Layer>(found->second.layer);
}

c10::intrusive_ptr<PackedLinear> PackedLayers::linear(const at::Tensor& weight,
                                                      const at::Tensor& bias) {
  return find_or_make<PackedLinear>(
      {Kind::kRows, data_of(weight), data_of(bias), weight.size(0), {}}, weight, bias,
      arithmetic_.layers);
}

c10::intrusive_ptr<PackedConvolution> PackedLayers::convolution(const at::Tensor& weight,
                                                                const at::Tensor& bias,
                                                                const ConvolutionStep& step) {
  // The first layer sees pixels, whose rounding all others inherit, and is a small part.
  const bool first = weight.size(1) <= kPixelChannels;
  return find_or_make<PackedConvolution>(
      {Kind::kWindows, data_of(weight), data_of(bias), weight.size(0), step}, weight, bias, step,
      first ? arithmetic_.rest : arithmetic_.layers);
}

c10::intrusive_ptr<PooledAttention> PackedLayers::pooled_attention(const at::Tensor& key,
                                                                   const at::Tensor& value,
                                                                   const at::Tensor& bias,
                                                                   std::int64_t heads) {
  return find_or_make<PooledAttention>({Kind::kPooling, data_of(key), data_of(value), heads, {}},
                                       key, value, bias, heads, arithmetic_.rest);
}

PackedLayers::Plain PackedLayers::plain(const PackedLinear& layer) const {
  const auto found = std::ranges::find_if(
      layers_, [&](const auto& entry) { return entry.second.layer.get() == &layer; });
  GLINT_CHECK(found != layers_.end());
  return found->second.plain;
}

std::int64_t pack_linears(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::linear)) {
    const auto weight = constant_weight(node->input(1));
    if (!weight || weight->dim() != 2) continue;
    const auto bias = constant_bias(node->input(2), weight->size(0));
    if (!bias) continue;
    auto layer = layers.linear(*weight, *bias);
    if (!layer) continue;
    replace(node, make_linear(*graph, node->input(0), std::move(layer)));
    ++changed;
  }
  return changed;
}

std::int64_t pack_convolutions(const Graph& graph, PackedLayers& layers) {
  std::int64_t changed = 0;
  for (Node* node : nodes_of(graph, c10::aten::conv2d)) {
    if (node->inputs().size() != 7) continue;
    const auto weight = constant_floats(node->input(1));
    if (!weight || weight->dim() != 4 || weight->numel() == 0) continue;
    const auto bias = constant_bias(node->input(2), weight->size(0));
    const auto stride = constant_pair(node->input(3), 1);
    const auto padding = constant_pair(node->input(4), 0);
    const bool fits = bias && stride && padding && is_sizes(node->input(5), {1, 1}) &&
                      is_number(node->input(6), 1);
    if (!fits) continue;
    auto layer = layers.convolution(*weight, *bias, {*stride, *padding});
    if (!layer) continue;
    replace(node, make_convolution(*graph, node->input(0), std::move(layer)));
    ++changed;
  }
  return changed;
}

}  // namespace glint::passes
