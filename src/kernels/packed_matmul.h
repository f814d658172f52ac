// Products with constant weights on oneDNN, the weights reordered once for its kernels.
//
// With plain weights a BLAS runs at a third of the machine's peak on the row counts of one image or
// one prompt; with the blocks laid out ahead, oneDNN's kernels reach 60 to 90 % of it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>

namespace glint {

enum class Activation : std::int64_t { kNone, kQuickGelu, kGelu };

// What the products are made of; sums and results are f32.
enum class Operands { kF32, kBf16 };

// Whether this CPU multiplies bf16 numbers.
bool has_bf16();

// Immutable but for a cache of prepared kernels: calls may run concurrently.
class PackedMatmul {
 public:
  // weight [out, in] f32, rows contiguous; bias [out] or nullptr. Keeps neither.
  // Throws dnnl::error (a std::exception) and std::bad_alloc; so do the functions.
  PackedMatmul(const float* weight, const float* bias, std::int64_t in, std::int64_t out,
               Operands operands = Operands::kF32);
  ~PackedMatmul();
  PackedMatmul(const PackedMatmul&) = delete;
  PackedMatmul& operator=(const PackedMatmul&) = delete;

  // x [rows, in] -> y [rows, out] = activation(x weight^T + bias), both contiguous. x has
  // operands(), y is f32.
  void run(const void* x, std::int64_t rows, Activation activation, float* y) const;
  // y = x weight^T + bias + other, other [rows, out] f32.
  void run_add(const void* x, std::int64_t rows, const float* other, float* y) const;

  Operands operands() const { return operands_; }
  std::int64_t in_features() const { return in_; }
  std::int64_t out_features() const { return out_; }

 private:
  struct Key {
    std::int64_t rows;
    Activation activation;
    bool adds;
    auto operator<=>(const Key&) const = default;
  };
  struct Kernel;
  struct Weights;
  std::shared_ptr<const Kernel> kernel(const Key& key) const;
  void execute(const void* x, const Key& key, const float* other, float* y) const;

  std::int64_t in_;
  std::int64_t out_;
  Operands operands_;
  std::unique_ptr<const Weights> weights_;
  mutable std::shared_mutex mutex_;  // of kernels_
  mutable std::map<Key, std::shared_ptr<const Kernel>> kernels_;
};

}  // namespace glint
