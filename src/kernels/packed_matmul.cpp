#include "kernels/packed_matmul.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "core/call_memory.h"
#include "core/check.h"
#include "kernels/caches.h"

namespace glint {
namespace {

constexpr std::int64_t kWorthAThread = 1 << 17;  // products: some ten microseconds
constexpr std::int64_t kFewestTiles = 4;         // of a block: panels come from far for each
constexpr std::int64_t kFewestTilesInParts = 3;  // which then share what a part reads
constexpr std::int64_t kFewestTilesToWiden = 2;  // a panel of f16, once for all of them
constexpr std::int64_t kMostTilesAUnit = 8;      // some ten microseconds
constexpr std::int64_t kWordsAhead = 3072;       // what memory's latency takes to read

// Words from a prepared row to the next: whole cache lines; a stride of whole pages would put all
// rows of a tile into the same few sets of the first cache.
std::int64_t padded(std::int64_t depth) {
  const std::int64_t words = round_up(depth, 16);
  return words % 512 == 0 ? words + 16 : words;
}

// What a block's rows may take; the panels pass through the other half.
std::int64_t block_bytes() { return second_cache_bytes() / 2; }

}  // namespace

bool has_operands(Operands operands) { return !matmul_kernels(operands).empty(); }

const MatmulKernels& best_kernels(Operands operands) {
  const auto kernels = matmul_kernels(operands);
  if (kernels.empty()) fail(ErrorCode::kInternal, "expected operands that this CPU multiplies");
  return *kernels.back();
}

// One call: rows cut in tiles of one height, but for the last.
struct PackedMatmul::Call {
  const std::uint32_t* x;
  std::int64_t x_stride;  // words
  const float* scales;    // a row's
  std::int64_t rows;
  std::int64_t tiles;
  const MatmulSteps& steps;
  float* y;
  std::int64_t y_stride;
  // Of prepared rows:
  std::int64_t parts = 0;  // 0: as the kernels like it
  std::int64_t pitch = 0;
  const std::int64_t* places = nullptr;

  std::int64_t first_row(std::int64_t tile) const {
    return std::min(tile * divide_up(rows, tiles), rows);
  }
};

// Tiles of rows that stay in the second cache while all panels pass.
struct PackedMatmul::Block {
  std::int64_t first;
  std::int64_t tiles;
};

// Units of a thread's part of a block that are taken.
struct alignas(64) PackedMatmul::Taken {
  std::atomic<std::int64_t> units = 0;
};

// How a call is cut, and a thread's room.
struct PackedMatmul::Plan {
  std::int64_t threads;  // at most; one in a parallel region, whatever nesting is set to
  std::int64_t blocks;
  std::int64_t part;   // words of depth
  std::int64_t pitch;  // words from a part of a row to the next
  bool in_parts;       // of depth
  std::int64_t words_a_thread;
  CallMemory::Block room;    // for the sums of parts, or for a panel that is widened
  std::vector<Taken> taken;  // [blocks][threads]; empty: by one thread

  std::uint32_t* room_of(std::int64_t thread) const {
    return words_a_thread == 0 ? nullptr : room.data<std::uint32_t>() + thread * words_a_thread;
  }
};

PackedMatmul::PackedMatmul(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, const MatmulKernels& kernels)
    : kernels_(kernels),
      in_(in),
      out_(out),
      weights_(pack_weights(weight, bias, in, out, kernels)) {}

PackedMatmul::PackedMatmul(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, Operands operands)
    : PackedMatmul(weight, bias, in, out, best_kernels(operands)) {}

// The block's `nth` rows times a panel.
MatmulTile PackedMatmul::tile_of(const Call& call, const Block& block, std::int64_t panel,
                                 std::int64_t nth) const {
  const std::int64_t columns = kernels_.columns, tile = block.first + nth;
  const std::int64_t row = call.first_row(tile), column = panel * columns;
  const std::int64_t place = call.places != nullptr ? column : row * call.y_stride + column;
  const bool quantized = kernels_.operands == Operands::kInt8;
  const std::int64_t panel_words = weights_.panel_words(columns);
  // What is left of the panel's tiles reads the next panel, each its share; one tile alone reads a
  // little ahead of itself, so that what another thread takes is not read twice.
  const bool alone = block.tiles == 1;
  const std::int64_t all_lines = columns / (weights_.halves ? 4 : 2);  // in 8 words of depth
  const std::int64_t lines = divide_up(all_lines, block.tiles);
  const bool ahead = alone || (panel + 1 < weights_.panels && nth * lines < all_lines);
  const std::int64_t skipped =
      alone ? kWordsAhead - panel_words : weights_.depth / 8 * nth * lines * 16;
  return {.x = call.x + row * call.x_stride,
          .x_stride = call.x_stride,
          .rows = call.first_row(tile + 1) - row,
          .panel = weights_.panel(panel, columns),
          .depth = weights_.depth,
          .bias = weights_.bias.empty() ? nullptr : weights_.bias.data() + column,
          .activation = call.steps.activation,
          .other = call.steps.other == nullptr ? nullptr : call.steps.other + place,
          .rectify = call.steps.rectify,
          .y = call.y + place,
          .y_stride = call.y_stride,
          .places = call.places != nullptr ? call.places + row : nullptr,
          .columns = std::min(columns, out_ - column),
          .row_scales = quantized ? call.scales + row : nullptr,
          .column_scales = quantized ? weights_.scales.data() + column : nullptr,
          .corrections = quantized ? weights_.corrections.data() + column : nullptr,
          .ahead = ahead ? weights_.panel(panel + 1, columns) + skipped : nullptr,
          .ahead_lines = ahead ? lines : 0};
}

PackedMatmul::Plan PackedMatmul::plan_of(const Call& call) const {
  const std::int64_t depth = weights_.depth, tile_words = kernels_.rows * call.x_stride;
  const std::int64_t tile_sums = kernels_.rows * kernels_.columns;
  const bool given = call.parts != 0;
  const std::int64_t tile_bytes = (tile_words + (given ? tile_sums : 0)) * 4;
  const std::int64_t blocks =
      divide_up(call.tiles, std::max(kFewestTiles, block_bytes() / tile_bytes));
  const std::int64_t block_tiles = divide_up(call.tiles, blocks);
  const bool in_parts =
      given || (kernels_.part != 0 && depth > kernels_.part && block_tiles >= kFewestTilesInParts);
  const std::int64_t part = given ? depth / call.parts : in_parts ? kernels_.part : depth;
  const bool alone = omp_in_parallel() != 0;
  const bool widens = weights_.halves && block_tiles >= kFewestTilesToWiden && !alone;
  const std::int64_t words = in_parts ? block_tiles * tile_sums
                             : widens ? depth * kernels_.columns
                                      : 0;
  const std::int64_t threads = alone ? 1 : omp_get_max_threads();
  return {
      .threads = threads,
      .blocks = blocks,
      .part = part,
      .pitch = given ? call.pitch : part,
      .in_parts = in_parts,
      .words_a_thread = words,
      .room = CallMemory::take_for<std::uint32_t>(words * threads),
      .taken = std::vector<Taken>(static_cast<std::size_t>(threads == 1 ? 0 : blocks * threads))};
}

// Products `first` to `last` of the block's rows with all panels, a panel's one after the other.
// `room`: [tiles of the block][rows][columns] sums, with which a part of the panel's depth comes
// after the other; or [depth][columns] f32 numbers, a panel of f16 for the tiles behind the first.
void PackedMatmul::multiply(const Call& call, const Block& block, std::int64_t first,
                            std::int64_t last, const Plan& plan, std::uint32_t* room) const {
  const std::int64_t depth = weights_.depth;
  for (std::int64_t i = first, next = 0; i < last; i = next) {
    const std::int64_t panel = i / block.tiles, start = panel * block.tiles;
    next = std::min(last, start + block.tiles);
    for (std::int64_t k = 0, part = 0; k < depth; k += plan.part, ++part) {
      for (std::int64_t nth = i - start; nth < next - start; ++nth) {
        MatmulTile tile = tile_of(call, block, panel, nth);
        if (plan.in_parts) {
          tile.x += part * plan.pitch;
          tile.panel += k * kernels_.columns;
          tile.depth = std::min(plan.part, depth - k);
          tile.ahead += k / 8 * tile.ahead_lines * 16;
          tile.sums = room + nth * kernels_.rows * kernels_.columns;
          tile.first_part = k == 0;
          tile.last_part = k + plan.part >= depth;
        }
        if (weights_.halves) {
          multiply_halves(tile, i == start + nth, room);
        } else {
          kernels_.multiply(tile);
        }
      }
    }
  }
}

// The first tile of a panel fills `room` with what the others take from there.
void PackedMatmul::multiply_halves(MatmulTile& tile, bool first, std::uint32_t* room) const {
  if (first || room == nullptr) {
    tile.widened = room;
    kernels_.multiply_halves(tile);
  } else {
    tile.panel = room;
    kernels_.multiply(tile);
  }
}

// What one of `threads` threads does of a call, each of them in a parallel region: its own part,
// which lies in its caches, then what the others have not begun of theirs.
void PackedMatmul::share(const Call& call, Plan& plan, std::int64_t threads,
                         std::int64_t me) const {
  for (std::int64_t i = 0; i < plan.blocks; ++i) {
    const std::int64_t tile = i * call.tiles / plan.blocks;
    const Block block{tile, (i + 1) * call.tiles / plan.blocks - tile};
    if (threads == 1) {
      multiply(call, block, 0, weights_.panels * block.tiles, plan, plan.room_of(me));
      continue;
    }
    const std::int64_t cuts = divide_up(block.tiles, kMostTilesAUnit);
    const std::int64_t units = weights_.panels * cuts;
    for (std::int64_t other = 0; other < threads; ++other) {
      const std::int64_t owner = (me + other) % threads;
      const std::int64_t first = owner * units / threads, last = (owner + 1) * units / threads;
      auto& taken = plan.taken[static_cast<std::size_t>(i * plan.threads + owner)].units;
      for (std::int64_t unit = first + taken++; unit < last; unit = first + taken++) {
        multiply(call, block, unit * block.tiles / cuts, (unit + 1) * block.tiles / cuts, plan,
                 plan.room_of(me));
      }
    }
  }
  if (kernels_.done != nullptr) kernels_.done();
}

void PackedMatmul::run(const PreparedRows& x, const MatmulSteps& steps, float* y) const {
  if (x.rows == 0) return;
  const Call call{.x = x.words,
                  .x_stride = x.stride,
                  .scales = nullptr,
                  .rows = x.rows,
                  .tiles = divide_up(x.rows, kernels_.rows),
                  .steps = steps,
                  .y = y,
                  .y_stride = out_,
                  .parts = x.parts,
                  .pitch = x.pitch,
                  .places = x.places};
  Plan plan = plan_of(call);
#pragma omp parallel num_threads(static_cast <int>(plan.threads))
  share(call, plan, omp_get_num_threads(), omp_get_thread_num());
}

void PackedMatmul::run(const float* x, std::int64_t rows, const MatmulSteps& steps, float* y,
                       const RowStrides& strides) const {
  if (rows == 0) return;
  const std::int64_t depth = weights_.depth, x_stride = strides.x == 0 ? in_ : strides.x;
  const bool prepares = steps.norm != nullptr || !reads_in_place(kernels_, x_stride);
  const std::int64_t stride = prepares ? padded(depth) : x_stride;
  const auto room = CallMemory::take_for<std::uint32_t>(prepares ? rows * stride : 0);
  auto* const words = room.data<std::uint32_t>();
  const bool scaled = kernels_.operands == Operands::kInt8;
  std::vector<float> scales(static_cast<std::size_t>(scaled ? rows : 0));
  const Call call{.x = prepares ? words : reinterpret_cast<const std::uint32_t*>(x),
                  .x_stride = stride,
                  .scales = scales.data(),
                  .rows = rows,
                  .tiles = divide_up(rows, kernels_.rows),
                  .steps = steps,
                  .y = y,
                  .y_stride = strides.y == 0 ? out_ : strides.y};
  Plan plan = plan_of(call);
  const bool shared = rows * in_ * out_ >= kWorthAThread;
#pragma omp parallel if (shared) num_threads(static_cast <int>(plan.threads))
  {
    const std::int64_t threads = omp_get_num_threads(), me = omp_get_thread_num();
    if (prepares) {
      for (std::int64_t r = me * rows / threads; r < (me + 1) * rows / threads; ++r) {
        std::uint32_t* row = words + r * stride;
        std::fill(row + in_ / numbers_a_word(kernels_.operands), row + depth, 0U);
        const float scale = kernels_.prepare(x + r * x_stride, in_, steps.norm, row);
        if (scaled) scales[static_cast<std::size_t>(r)] = scale;
      }
#pragma omp barrier
    }
    share(call, plan, threads, me);
  }
}

}  // namespace glint
