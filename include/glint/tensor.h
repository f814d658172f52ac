// What flows between towers and heads: a block of numbers with a shape.
#pragma once

#include <glint/export.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace glint {

enum class DType { kF32, kF16, kI64 };

// "f32", "f16", "i64", as in a manifest.
GLINT_API std::string_view to_string(DType dtype);

// An immutable, row-major, shared block of numbers. Copies share the numbers; a default
// constructed one is empty() and holds none. All const methods may run concurrently.
class GLINT_API Tensor {
 public:
  Tensor() = default;
  // Copy `values`, whose count must be the product of `shape`, into a CPU tensor.
  // Throw Error(kInvalidArgument) when the two do not agree.
  static Tensor from(std::vector<std::int64_t> shape, std::span<const float> values);
  static Tensor from(std::vector<std::int64_t> shape, std::span<const std::int64_t> values);

  bool empty() const { return impl_ == nullptr; }
  std::span<const std::int64_t> shape() const;
  std::int64_t dim(std::size_t axis) const;  // shape()[axis]
  DType dtype() const;
  std::string device() const;  // "cpu", "cuda:0"
  // The part [begin, end) along the first axis; shares the numbers.
  // Throws Error(kInvalidArgument) when the range is not inside.
  Tensor slice(std::int64_t begin, std::int64_t end) const;
  // The same numbers in another shape; shares them.
  // Throws Error(kInvalidArgument) when the counts differ.
  Tensor reshape(std::vector<std::int64_t> shape) const;
  // The same numbers on the CPU as f32 or i64; this tensor itself when they already are.
  Tensor cpu() const;
  // The numbers, row-major; f32 or i64 on the CPU only (else Error kInvalidArgument). Valid while
  // any copy of this tensor lives.
  std::span<const float> floats() const;
  std::span<const std::int64_t> ints() const;

  struct Impl;  // defined by the runtime
  explicit Tensor(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const;

 private:
  std::shared_ptr<const Impl> impl_;
};

using NamedTensors = std::map<std::string, Tensor, std::less<>>;

}  // namespace glint
