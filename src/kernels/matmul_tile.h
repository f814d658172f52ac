// The tile that all instruction sets share: `rows` x 2 vectors of sums that stay in registers over
// the whole depth. 14 rows fill the 32 registers of AVX-512, 6 the 16 of the others; each row is
// one broadcast for two multiply-adds, so the arithmetic is the limit.
#pragma once

#include <array>
#include <utility>

#include "kernels/matmul_kernels.h"
#include "kernels/vector.h"

namespace glint {
namespace {

constexpr int kTileRows = kLanes == 16 ? 14 : 6;
constexpr int kPanel = 2 * kLanes;
constexpr int kLineFloats = 16;      // of a cache line
constexpr std::int64_t kUnroll = 8;  // words of depth between two looks ahead

// Rows r of x by three: x86 addresses base, base + stride and base + 2 stride from two registers.
template <int Rows>
struct RowPointers {
  std::array<const char*, (Rows + 2) / 3> base;
  std::int64_t stride;  // bytes
  RowPointers(const std::uint32_t* x, std::int64_t words) : stride(words * 4) {
    for (std::size_t i = 0; i < base.size(); ++i) {
      base[i] = reinterpret_cast<const char*>(x) + static_cast<std::int64_t>(3 * i) * stride;
    }
  }
  template <typename Word>
  Word at(int row, std::int64_t byte) const {
    Word word;
    std::memcpy(&word, base[static_cast<std::size_t>(row / 3)] + (row % 3) * stride + byte,
                sizeof word);
    return word;
  }
};

// sums[r] += x[r] times the panel, over `depth` words.
template <typename Operation, int Rows>
inline void accumulate(typename Operation::Sum (&sums)[Rows][2], const MatmulTile& tile) {
  using Word = typename Operation::Word;
  const RowPointers<Rows> rows(tile.x, tile.x_stride);
  const std::uint32_t* panel = tile.panel;
  [[maybe_unused]] std::uint32_t* widened = tile.widened;
  const auto* ahead = reinterpret_cast<const char*>(tile.ahead);
  const auto step = [&](std::int64_t k) __attribute__((always_inline)) {
    const auto left = Operation::factor(panel);
    const auto right = Operation::factor(panel + Operation::kPanelWords / 2);
    panel += Operation::kPanelWords;
    if constexpr (Operation::kWidens) {
      store(widened, left);
      store(widened + kLanes, right);
      widened += kPanel;
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const auto x = Operation::broadcast(rows.template at<Word>(r, 4 * k));
      sums[r][0] = Operation::multiply_add(sums[r][0], x, left);
      sums[r][1] = Operation::multiply_add(sums[r][1], x, right);
    }
  };
  std::int64_t k = 0;
  for (; k + kUnroll <= tile.depth; k += kUnroll) {
    for (std::int64_t line = 0; line < tile.ahead_lines; ++line, ahead += 64) {
      __builtin_prefetch(ahead, 0, 2);
    }
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < kUnroll; ++i) step(k + i);
  }
  for (; k < tile.depth; ++k) step(k);
}

inline Floats activated(Floats y, Activation activation) {
  if (activation == Activation::kQuickGelu) return quick_gelu(y);
  return activation == Activation::kGelu ? gelu(y) : y;
}

// Stores one vector of y, `place` numbers behind tile.y, with what stands behind a product.
inline void complete(Floats y, const MatmulTile& tile, std::int64_t place, std::int64_t column) {
  const std::int64_t count = tile.columns - column;
  if (count <= 0) return;
  if (tile.bias != nullptr) y += load<Floats>(tile.bias + column);
  y = activated(y, tile.activation);
  const bool whole = count >= kLanes;
  if (tile.other != nullptr) {
    y += whole ? load<Floats>(tile.other + place) : load_first<Floats>(tile.other + place, count);
  }
  if (tile.rectify) y = y < 0.0F ? Floats{} : y;  // NaN stays
  if (whole) {
    store(tile.y + place, y);
  } else {
    store_first(tile.y + place, y, count);
  }
}

// One vector of y from its sums.
template <typename Operation>
inline void finish(typename Operation::Sum sum, const MatmulTile& tile, std::int64_t row,
                   std::int64_t column) {
  const std::int64_t place = tile.place(row);
  if (place < 0 || column >= tile.columns) return;
  complete(Operation::number(sum, tile, row, column), tile, place + column, column);
}

// Asks for the lines that row `row` of the tile will write and add: they lie far from the last
// row's, and come while the sums are computed.
inline void expect_row(const MatmulTile& tile, std::int64_t row) {
  const std::int64_t place = tile.place(row);
  if (place < 0) return;
  const bool apart = tile.other != nullptr && tile.other != tile.y;
  for (int column = 0; column < kPanel; column += kLineFloats) {
    __builtin_prefetch(tile.y + place + column, 1, 3);
    if (apart) __builtin_prefetch(tile.other + place + column, 0, 3);
  }
}

template <typename Operation, int Rows>
void multiply_rows(const MatmulTile& tile) {
  typename Operation::Sum sums[Rows][2];
  for (int half = 0; half < 2; ++half) {
    const auto start = Operation::start(tile, half * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sums[r][half] = start;
  }
  for (int r = 0; r < Rows; ++r) expect_row(tile, r);
  accumulate<Operation, Rows>(sums, tile);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    finish<Operation>(sums[r][0], tile, r, 0);
    finish<Operation>(sums[r][1], tile, r, kLanes);
  }
}

template <typename Operation>
void multiply(const MatmulTile& tile) {
  constexpr auto table = []<int... R>(std::integer_sequence<int, R...>) {
    return std::array{&multiply_rows<Operation, R + 1>...};
  }
  (std::make_integer_sequence<int, kTileRows>());
  table[static_cast<std::size_t>(tile.rows - 1)](tile);
}

// The same, each row times its scale.
template <typename Operation>
struct Scaled : Operation {
  static Floats number(typename Operation::Sum sum, const MatmulTile& tile, std::int64_t row,
                       std::int64_t) {
    return sum * tile.row_scales[row];
  }
};

// A panel's word is a column's.
template <typename Vector>
struct WholePanel {
  using Factor = Vector;
  static constexpr int kPanelWords = kPanel;
  static constexpr bool kWidens = false;
  static Factor factor(const std::uint32_t* panel) { return load<Factor>(panel); }
};

// f32 sums from f32 factors.
struct MultiplyF32 : WholePanel<Floats> {
  using Word = float;
  using Sum = Floats;
  static Sum start(const MatmulTile&, std::int64_t) { return Sum{}; }
  static Factor broadcast(Word word) { return splat(word); }
  static Sum multiply_add(Sum sum, Factor x, Factor w) { return sum + x * w; }
  static Floats number(Sum sum, const MatmulTile&, std::int64_t, std::int64_t) { return sum; }
};

}  // namespace
}  // namespace glint
