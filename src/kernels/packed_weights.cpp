#include "kernels/packed_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "core/half.h"
#include "core/lasting_memory.h"

namespace glint {
namespace {

std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

bool are_halves(std::span<const float> weights) {
  bool all = true;
  for (const float weight : weights) all = all & is_half(weight);
  return all;
}

// Of a product with `in` numbers an output, which are many: most others end with the first output.
bool are_halves(const float* weight, std::int64_t in, std::int64_t out) {
  const auto row = [&](std::int64_t i) {
    return std::span(weight + i * in, static_cast<std::size_t>(in));
  };
  bool all = are_halves(row(0));
  if (!all) return false;
#pragma omp parallel for reduction(&& : all)
  for (std::int64_t i = 1; i < out; ++i) all = all && are_halves(row(i));
  return all;
}

float scale_of(std::span<const float> row) {
  float peak = 0;
  for (const float w : row) peak = std::max(peak, std::abs(w));
  return peak / 127;
}

// The rows of one output as it is stored: [words], the last one filled up with zeros.
class Packer {
 public:
  Packer(const float* weight, std::int64_t in, std::int64_t out, const MatmulKernels& kernels,
         PackedWeights& to)
      : weight_(weight), in_(in), out_(out), kernels_(kernels), to_(to) {}

  void panel(std::int64_t index) const {
    const std::int64_t columns = kernels_.columns;
    const std::int64_t size = to_.panel_words(columns);
    std::uint32_t* words = to_.words.get() + index * size;
    std::memset(words, 0, static_cast<std::size_t>(size) * sizeof(std::uint32_t));
    const std::int64_t there = std::min(columns, out_ - index * columns);
    for (std::int64_t column = 0; column < there; ++column) {
      const std::int64_t output = index * columns + column;
      const std::span row(weight_ + output * in_, static_cast<std::size_t>(in_));
      if (kernels_.operands == Operands::kInt8) {
        int8(row, output, words + column);
      } else if (kernels_.operands == Operands::kBf16) {
        bf16(row, words + column);
      } else if (to_.halves) {
        halves(row, reinterpret_cast<std::uint16_t*>(words) + column);
      } else {
        for (std::size_t k = 0; k < row.size(); ++k) {
          words[static_cast<std::int64_t>(k) * columns + column] =
              std::bit_cast<std::uint32_t>(row[k]);
        }
      }
    }
  }

 private:
  void put(std::uint32_t* column, std::size_t k, std::uint32_t bits) const {
    const auto per_word = static_cast<std::size_t>(numbers_a_word(kernels_.operands));
    const std::size_t shift = (k % per_word) * 32 / per_word;
    column[static_cast<std::int64_t>(k / per_word) * kernels_.columns] |= bits << shift;
  }
  void halves(std::span<const float> row, std::uint16_t* column) const {
    for (std::size_t k = 0; k < row.size(); ++k) {
      column[static_cast<std::int64_t>(k) * kernels_.columns] = to_half(row[k]);
    }
  }
  void bf16(std::span<const float> row, std::uint32_t* column) const {
    for (std::size_t k = 0; k < row.size(); ++k) put(column, k, to_bf16(row[k]));
  }
  void int8(std::span<const float> row, std::int64_t output, std::uint32_t* column) const {
    const float scale = scale_of(row);
    const float inverse = scale > 0 ? 1 / scale : 0;
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < row.size(); ++k) {
      const auto value = static_cast<std::int32_t>(std::nearbyint(row[k] * inverse));
      sum += value;
      put(column, k, static_cast<std::uint8_t>(value));
    }
    to_.scales[static_cast<std::size_t>(output)] = scale;
    to_.corrections[static_cast<std::size_t>(output)] = -128 * sum;
  }

  const float* weight_;
  std::int64_t in_, out_;
  const MatmulKernels& kernels_;
  PackedWeights& to_;
};

}  // namespace

PackedWeights pack_weights(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, const MatmulKernels& kernels) {
  PackedWeights packed;
  packed.panels = divide_up(out, kernels.columns);
  packed.depth = depth_of(in, kernels);
  const auto outputs = static_cast<std::size_t>(packed.panels * kernels.columns);
  packed.halves = kernels.multiply_halves != nullptr && are_halves(weight, in, out);
  const auto words = static_cast<std::size_t>(packed.panels * packed.panel_words(kernels.columns));
  packed.words =
      std::static_pointer_cast<std::uint32_t>(lasting_memory(words * sizeof(std::uint32_t)));
  if (bias != nullptr) {
    packed.bias.resize(outputs);
    std::copy_n(bias, out, packed.bias.begin());
  }
  if (kernels.operands == Operands::kInt8) {
    packed.scales.resize(outputs);
    packed.corrections.resize(outputs);
  }
  const Packer packer(weight, in, out, kernels, packed);
#pragma omp parallel for
  for (std::int64_t i = 0; i < packed.panels; ++i) packer.panel(i);
  return packed;
}

}  // namespace glint
