// What labelling a map takes beside the map and the answer, against the logits that it never
// stores. In a program of its own, which counts what `new` gives and gets back.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>

#include "heads/lseg_draw.h"

namespace {

std::atomic<std::int64_t> held{0}, most{0};

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  const auto now = held += static_cast<std::int64_t>(malloc_usable_size(memory));
  for (std::int64_t before = most; before < now && !most.compare_exchange_weak(before, now);) {
  }
  return memory;
}

void give_back(void* memory) {
  held -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size == 0 ? 1 : size)); }
void* operator new[](std::size_t size, std::align_val_t alignment) {
  const auto line = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(line, (size + line) / line * line));
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give_back(memory); }

namespace glint {
namespace {

// 150 labels at 480 x 480 pixels: logits of 35 MB at the map's size and 138 MB at the picture's.
TEST(LsegMemoryTest, LabelsTakeAFractionOfTheLogits) {
  constexpr std::int64_t kLabels = 150, kDim = 16, kSide = 240;
  std::vector<float> values, rows;
  for (std::int64_t i = 0; i < kDim * kSide * kSide; ++i) {
    values.push_back(static_cast<float>(std::sin(0.37 * static_cast<double>(i))));
  }
  ClassBank bank;
  for (std::int64_t k = 0; k < kLabels; ++k) {
    bank.labels.push_back("label " + std::to_string(k));
    for (std::int64_t d = 0; d < kDim; ++d) {
      rows.push_back(static_cast<float>(std::cos(1.3 * static_cast<double>(k * kDim + d))));
    }
  }
  bank.rows = Tensor::from({kLabels, kDim}, rows);
  const LsegWords words(bank, 14, 0);
  constexpr std::int64_t kLogits = kLabels * kSide * kSide * 4;
  for (const auto& [block, share] :
       {std::pair{LsegBlock{}, std::int64_t{20}},
        std::pair{LsegBlock{.kind = LsegBlock::Kind::kBottleneck, .depth = 2}, std::int64_t{5}}}) {
    for (const std::int64_t side : {2 * kSide, kSide}) {
      std::vector<std::int32_t> labels(static_cast<std::size_t>(side * side));
      const MapTaps taps = resized_taps(kSide, side);
      const std::int64_t before = held;
      most = before;
      draw_labels({{values, kDim, kSide, kSide}, words, block}, taps, taps, {}, labels);
      const std::int64_t taken = most - before;
      EXPECT_GT(taken, 1000);
      EXPECT_LT(taken, (kLogits + kLabels * side * side * 4) / share) << side;
    }
  }
}

}  // namespace
}  // namespace glint
