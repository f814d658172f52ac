// Exact top-k by a cheap scan.
//
// Blocks of compact rows are multiplied with up to 64 queries at once. Each estimate plus its bound
// (quantize.h) is above the row's score; where that reaches the worst of the best k so far, the row
// itself is read and scored in f64, and may enter the heap. Threads take blocks from a common
// counter and have heaps of their own, which are merged at the end: hits have a total order, so the
// best k are the same however the rows were shared out.
#pragma once

#include <glint/index.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "similarity/implementation.h"

namespace glint {

// An index's memory; see IndexLayout::Section. Sizes have been checked.
struct IndexView {
  IndexStorage storage = IndexStorage::kF32;
  std::size_t n = 0;
  std::size_t d = 0;
  const float* rows = nullptr;
  const std::byte* compact = nullptr;  // of f32 storage: the rows
  const float* scales = nullptr;
  const float* residuals = nullptr;
  const float* norms = nullptr;
};

// As Index::search. k at least 0; queries are whole and finite.
SearchResult search_index(const IndexView& index, std::span<const float> queries, std::size_t k,
                          const SearchOptions& options,
                          const Implementation& implementation = best_implementation());

}  // namespace glint
