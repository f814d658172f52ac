// Products in AMX tiles: 32 rows times a panel of 32 columns as four tiles of sums, two of rows and
// two of weights, which are the eight that there are. A panel's words lie as the instructions want
// the weights: 16 words of depth down, 16 columns across.
//
// A thread's tiles keep their shapes from one product to the next and are given back at the end:
// other code of the process may use them, and a thread that keeps them makes each switch of threads
// dearer by 8 KiB.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/matmul_tile.h"

namespace glint {

// Rows that this thread's tiles are set up for; 0: they are not.
inline constinit thread_local int amx_rows = 0;

namespace {

constexpr int kAmxSide = 16;  // rows of a tile, and words of one of its rows
constexpr int kAmxRows = 2 * kAmxSide;
constexpr int kAmxPart = 8 * kAmxSide;  // of depth: 24 KiB of a panel

// The operand of LDTILECFG (Intel's manual, volume 1, 18.2), for `rows` rows: as they are, up to 16
// in the upper tiles, or half of them in each.
struct alignas(64) AmxShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14]{};
  std::uint16_t row_bytes[16]{};
  std::uint8_t rows[16]{};

  constexpr explicit AmxShapes(int count) {
    const int upper = upper_rows(count), lower = count - upper;
    const int heights[8] = {upper, upper, lower, lower, upper, lower, kAmxSide, kAmxSide};
    for (int i = 0; i < 8; ++i) {
      row_bytes[i] = heights[i] == 0 ? 0 : 64;
      rows[i] = static_cast<std::uint8_t>(heights[i]);
    }
  }
  static constexpr int upper_rows(int count) { return count <= kAmxSide ? count : (count + 1) / 2; }
};

template <int... Rows>
constexpr auto all_shapes(std::integer_sequence<int, Rows...>) {
  return std::array{AmxShapes(Rows)...};
}
constexpr auto kAmxShapes = all_shapes(std::make_integer_sequence<int, kAmxRows + 1>());

inline void shape_tiles(int rows) {
  if (amx_rows == rows) return;
  _tile_loadconfig(&kAmxShapes[static_cast<std::size_t>(rows)]);
  amx_rows = rows;
}

inline void give_tiles_back() {
  if (amx_rows != 0) _tile_release();
  amx_rows = 0;
}

// Tiles 0 to 3 become the sums: upper left, upper right, lower left, lower right; Operation adds to
// one of them the product of its rows, tile 4 or 5, and its weights, tile 6 or 7.
template <typename Operation, bool Lower>
inline void accumulate_tiles(const MatmulTile& tile, std::int64_t upper,
                             typename Operation::Number* sums) {
  const std::int64_t x_bytes = tile.x_stride * 4;
  const std::uint32_t* top = tile.x;
  const std::uint32_t* bottom = tile.x + upper * tile.x_stride;
  const std::uint32_t* panel = tile.panel;
  const auto* ahead = reinterpret_cast<const char*>(tile.ahead);
  auto* lower = sums + upper * kPanel;
  std::int64_t row = tile.last_part ? 0 : tile.rows;  // of y, the next to expect
  if (tile.first_part) {
    _tile_zero(0);
    _tile_zero(1);
    if constexpr (Lower) _tile_zero(2);
    if constexpr (Lower) _tile_zero(3);
  } else {
    _tile_loadd(0, sums, kPanel * 4);
    _tile_loadd(1, sums + kAmxSide, kPanel * 4);
    if constexpr (Lower) _tile_loadd(2, lower, kPanel * 4);
    if constexpr (Lower) _tile_loadd(3, lower + kAmxSide, kPanel * 4);
  }
  for (std::int64_t k = 0; k < tile.depth; k += kAmxSide) {
    _tile_loadd(6, panel, kPanel * 4);
    _tile_loadd(4, top + k, x_bytes);
    Operation::template multiply_add<0>();
    _tile_loadd(7, panel + kAmxSide, kPanel * 4);
    Operation::template multiply_add<1>();
    if constexpr (Lower) {
      _tile_loadd(5, bottom + k, x_bytes);
      Operation::template multiply_add<2>();
      Operation::template multiply_add<3>();
    }
    panel += kAmxSide * kPanel;
    for (const std::int64_t end = std::min(row + 2, tile.rows); row < end; ++row) {
      expect_row(tile, row);
    }
    for (std::int64_t line = 0; line < 2 * tile.ahead_lines; ++line, ahead += 64) {
      __builtin_prefetch(ahead, 0, 2);
    }
  }
  _tile_stored(0, sums, kPanel * 4);
  _tile_stored(1, sums + kAmxSide, kPanel * 4);
  if constexpr (Lower) _tile_stored(2, lower, kPanel * 4);
  if constexpr (Lower) _tile_stored(3, lower + kAmxSide, kPanel * 4);
}

template <typename Operation>
void multiply_in_tiles(const MatmulTile& tile) {
  using Number = typename Operation::Number;
  const auto rows = static_cast<int>(tile.rows);
  const int upper = AmxShapes::upper_rows(rows);
  alignas(64) Number own[kAmxRows * kPanel];
  Number* sums = tile.sums == nullptr ? own : reinterpret_cast<Number*>(tile.sums);
  asm volatile("" ::: "memory");  // the instructions' declarations do not say that they read
  shape_tiles(rows);
  if (upper == rows) {
    accumulate_tiles<Operation, false>(tile, upper, sums);
  } else {
    accumulate_tiles<Operation, true>(tile, upper, sums);
  }
  if (!tile.last_part) return;
  for (int r = 0; r < rows; ++r) {
    for (int column = 0; column < kPanel; column += kLanes) {
      finish<Operation>(load<typename Operation::Sum>(sums + r * kPanel + column), tile, r, column);
    }
  }
}

}  // namespace
}  // namespace glint
