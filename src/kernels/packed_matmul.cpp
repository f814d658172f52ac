#include "kernels/packed_matmul.h"

#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <unordered_map>
#include <utility>

namespace glint {
namespace {

constexpr std::int64_t kTypicalRows = 64;  // the layout is chosen for these; any other count runs
constexpr std::size_t kMostKernels = 64;   // of one matrix; each is a few kilobytes
constexpr float kQuickGeluSlope = 1.702F;

using dnnl::memory;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::data_type type_of(Operands operands) {
  return operands == Operands::kBf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

memory::desc plain(std::int64_t rows, std::int64_t columns, Operands operands = Operands::kF32) {
  return {{rows, columns}, type_of(operands), memory::format_tag::ab};
}

memory over(const memory::desc& desc, const void* data) {
  return {desc, cpu(), const_cast<void*>(data)};  // oneDNN has no memory that is only read
}

void append(dnnl::post_ops& ops, dnnl::algorithm kind, float alpha) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(kind, alpha, 0.0F);
#else
  ops.append_eltwise(1.0F, kind, alpha, 0.0F);
#endif
}

dnnl::matmul::primitive_desc describe(const memory::desc& x, const memory::desc& weights,
                                      bool has_bias, Activation activation, bool adds) {
  const std::int64_t out = weights.dims()[1];
  const memory::desc y = plain(x.dims()[0], out);
  dnnl::post_ops ops;
  if (activation == Activation::kQuickGelu)
    append(ops, dnnl::algorithm::eltwise_swish, kQuickGeluSlope);
  if (activation == Activation::kGelu) append(ops, dnnl::algorithm::eltwise_gelu_erf, 0.0F);
  if (adds) ops.append_binary(dnnl::algorithm::binary_add, y);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  // A scratchpad of the call's own: the library's belongs to the thread that made the kernel.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const memory::desc bias = has_bias ? plain(1, out) : memory::desc();
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), x, weights, bias, y, attributes};
#else
  return {{x, weights, bias, y}, attributes, cpu()};
#endif
}

}  // namespace

bool has_bf16() {
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

struct PackedMatmul::Weights {
  memory::desc desc;
  memory packed;
  std::optional<memory> bias;
};

struct PackedMatmul::Kernel {
  explicit Kernel(dnnl::matmul::primitive_desc from) : desc(std::move(from)), primitive(desc) {}
  dnnl::matmul::primitive_desc desc;
  dnnl::matmul primitive;
};

PackedMatmul::PackedMatmul(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, Operands operands)
    : in_(in), out_(out), operands_(operands) {
  const memory::desc any({in, out}, type_of(operands), memory::format_tag::any);
  const bool has_bias = bias != nullptr;
  const auto typical =
      describe(plain(kTypicalRows, in, operands), any, has_bias, Activation::kNone, false);
  Weights weights{typical.weights_desc(), memory(typical.weights_desc(), cpu()), std::nullopt};
  const memory::desc transposed({in, out}, memory::data_type::f32, memory::format_tag::ba);
  memory given = over(transposed, weight);
  dnnl::stream stream(cpu());
  dnnl::reorder(given, weights.packed).execute(stream, given, weights.packed);
  if (has_bias) {
    memory from = over(plain(1, out), bias);
    weights.bias.emplace(plain(1, out), cpu());
    dnnl::reorder(from, *weights.bias).execute(stream, from, *weights.bias);
  }
  stream.wait();
  weights_ = std::make_unique<const Weights>(std::move(weights));
}

PackedMatmul::~PackedMatmul() = default;

std::shared_ptr<const PackedMatmul::Kernel> PackedMatmul::kernel(const Key& key) const {
  {
    const std::shared_lock lock(mutex_);
    const auto found = kernels_.find(key);
    if (found != kernels_.end()) return found->second;
  }
  auto fresh = std::make_shared<const Kernel>(describe(plain(key.rows, in_, operands_),
                                                       weights_->desc, weights_->bias.has_value(),
                                                       key.activation, key.adds));
  const std::unique_lock lock(mutex_);
  if (kernels_.size() >= kMostKernels) kernels_.erase(kernels_.begin());
  return kernels_.emplace(key, std::move(fresh)).first->second;
}

void PackedMatmul::execute(const void* x, const Key& key, const float* other, float* y) const {
  if (key.rows == 0) return;
  const auto ready = kernel(key);
  const memory::desc result = plain(key.rows, out_);
  const memory scratch(ready->desc.scratchpad_desc(), cpu());
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, over(ready->desc.src_desc(), x)},
                                            {DNNL_ARG_WEIGHTS, weights_->packed},
                                            {DNNL_ARG_DST, over(result, y)},
                                            {DNNL_ARG_SCRATCHPAD, scratch}};
  if (weights_->bias) arguments.emplace(DNNL_ARG_BIAS, *weights_->bias);
  if (other != nullptr) {
    arguments.emplace(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, over(result, other));
  }
  dnnl::stream stream(cpu());
  ready->primitive.execute(stream, arguments);
  stream.wait();
}

void PackedMatmul::run(const void* x, std::int64_t rows, Activation activation, float* y) const {
  execute(x, {rows, activation, false}, nullptr, y);
}

void PackedMatmul::run_add(const void* x, std::int64_t rows, const float* other, float* y) const {
  execute(x, {rows, Activation::kNone, true}, other, y);
}

}  // namespace glint
