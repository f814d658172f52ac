#include "kernels/packed_weights.h"

#include <omp.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <span>

#include "core/lasting_memory.h"
#include "kernels/quantize_row.h"

namespace glint {
namespace {

// Without a branch: a loop over it is vectors.
std::uint32_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const std::uint32_t quiet = (bits >> 16) | 0x40U;
  return (bits & 0x7FFFFFFFU) > 0x7F800000U ? quiet : rounded;
}

// Rows [depth] of all columns -> panel [depth][columns], a cache line of every row after the other.
template <typename Number>
void transpose(std::span<const void* const> rows, std::int64_t depth, Number* panel) {
  constexpr std::int64_t kLine = 64 / sizeof(Number);
  for (std::int64_t begin = 0; begin < depth; begin += kLine) {
    const std::int64_t end = std::min(depth, begin + kLine);
    for (std::size_t column = 0; column < rows.size(); ++column) {
      const auto* const row = static_cast<const Number*>(rows[column]);
      for (std::int64_t k = begin; k < end; ++k) {
        panel[static_cast<std::size_t>(k) * rows.size() + column] = row[k];
      }
    }
  }
}

// Makes panels, in one thread, of numbers of one type: f32, f16, or words of others.
class Packer {
 public:
  Packer(const float* weight, std::int64_t in, std::int64_t out, const MatmulKernels& kernels,
         PackedWeights& to)
      : weight_(weight),
        in_(in),
        out_(out),
        kernels_(kernels),
        to_(to),
        room_(static_cast<std::size_t>(kernels.columns * to.depth) * sizeof(std::uint32_t)),
        rows_(static_cast<std::size_t>(kernels.columns)) {}

  // False: f16, which was to hold them, does not hold all weights of the panel as they are.
  bool panel(std::int64_t index) {
    std::uint32_t* const words = to_.words.get() + index * to_.panel_words(kernels_.columns);
    if (to_.halves) return fill(index, reinterpret_cast<std::uint16_t*>(words));
    return fill(index, words);
  }

 private:
  // Row by row in the panel's numbers, then all together.
  template <typename Number>
  bool fill(std::int64_t index, Number* panel) {
    const bool as_it_is = kernels_.operands == Operands::kF32 && !to_.halves && to_.depth == in_;
    const std::int64_t first = index * kernels_.columns;
    const std::int64_t there = std::min(kernels_.columns, out_ - first);
    if (!as_it_is || there < kernels_.columns) std::memset(room_.data(), 0, room_.size());
    bool all = true;
    for (std::int64_t column = 0; column < kernels_.columns; ++column) {
      Number* const row = reinterpret_cast<Number*>(room_.data()) + column * to_.depth;
      const void*& place = rows_[static_cast<std::size_t>(column)];
      place = row;
      if (column >= there) continue;
      if (as_it_is) {
        place = weights(first + column).data();
      } else {
        all = convert(first + column, row) && all;
      }
    }
    transpose(rows_, to_.depth, panel);
    return all;
  }

  std::span<const float> weights(std::int64_t output) const {
    return {weight_ + output * in_, static_cast<std::size_t>(in_)};
  }

  bool convert(std::int64_t output, std::uint16_t* row) const {
    return kernels_.to_halves(weights(output).data(), in_, row);
  }

  bool convert(std::int64_t output, std::uint32_t* row) const {
    const auto from = weights(output);
    if (kernels_.operands == Operands::kInt8) {
      int8(from, output, reinterpret_cast<std::int8_t*>(row));
    } else if (kernels_.operands == Operands::kBf16) {
      bf16(from, row);
    } else {
      std::memcpy(row, from.data(), from.size_bytes());
    }
    return true;
  }

  static void bf16(std::span<const float> from, std::uint32_t* row) {
    for (std::size_t k = 0; k < from.size(); k += 2) {
      const std::uint32_t second = k + 1 < from.size() ? to_bf16(from[k + 1]) : 0;
      row[k / 2] = to_bf16(from[k]) | second << 16;
    }
  }

  void int8(std::span<const float> from, std::int64_t output, std::int8_t* row) const {
    const float scale = quantize_row(from, row);
    const std::int32_t sum = std::accumulate(row, row + from.size(), std::int32_t{0});
    to_.scales[static_cast<std::size_t>(output)] = scale;
    to_.corrections[static_cast<std::size_t>(output)] = -128 * sum;
  }

  const float* weight_;
  std::int64_t in_, out_;
  const MatmulKernels& kernels_;
  PackedWeights& to_;
  std::vector<std::byte> room_;  // [columns, depth], for rows that are no weights as they are
  std::vector<const void*> rows_;
};

// The panels of f16 or of words, as `to` says; false: f16 does not hold all weights as they are.
bool pack_panels(const float* weight, std::int64_t in, std::int64_t out,
                 const MatmulKernels& kernels, PackedWeights& to) {
  const auto words = static_cast<std::size_t>(to.panels * to.panel_words(kernels.columns));
  to.words = std::static_pointer_cast<std::uint32_t>(lasting_memory(words * sizeof(std::uint32_t)));
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  std::vector<Packer> packers(threads, Packer(weight, in, out, kernels, to));
  bool all = true;
#pragma omp parallel for reduction(&& : all)
  for (std::int64_t i = 0; i < to.panels; ++i) {
    all = all && packers[static_cast<std::size_t>(omp_get_thread_num())].panel(i);
  }
  return all;
}

// Of most weights that f16 does not hold, it does not hold the first output's.
bool may_be_halves(const float* weight, std::int64_t in, std::int64_t out,
                   const MatmulKernels& kernels) {
  if (kernels.multiply_halves == nullptr || out == 0) return false;
  std::vector<std::uint16_t> halves(static_cast<std::size_t>(in));
  return kernels.to_halves(weight, in, halves.data());
}

}  // namespace

PackedWeights pack_weights(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, const MatmulKernels& kernels) {
  PackedWeights packed;
  packed.panels = divide_up(out, kernels.columns);
  packed.depth = depth_of(in, kernels);
  const auto outputs = static_cast<std::size_t>(packed.panels * kernels.columns);
  if (bias != nullptr) {
    packed.bias.resize(outputs);
    std::copy_n(bias, out, packed.bias.begin());
  }
  if (kernels.operands == Operands::kInt8) {
    packed.scales.resize(outputs);
    packed.corrections.resize(outputs);
  }
  packed.halves = may_be_halves(weight, in, out, kernels);
  if (!pack_panels(weight, in, out, kernels, packed)) {
    packed.halves = false;
    pack_panels(weight, in, out, kernels, packed);
  }
  return packed;
}

}  // namespace glint
