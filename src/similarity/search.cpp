#include "similarity/search.h"

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <thread>
#include <vector>

#include "core/check.h"
#include "core/in_threads.h"
#include "similarity/quantize.h"
#include "similarity/top_hits.h"

namespace glint {
namespace {

constexpr std::size_t kTileQueries = 64;        // that share one pass over the index
constexpr std::size_t kBlockBytes = 256 << 10;  // of compact rows: they stay in a core's cache
constexpr std::size_t kMaxBlockRows = 1024;
constexpr std::size_t kRowsAtOnce = 16;          // compared with the threshold
constexpr std::size_t kWorkPerThread = 4 << 20;  // products that are worth starting a thread for

// Rounding to nearest, and subnormal numbers as they are: the host may have set otherwise.
class DefaultArithmetic {
 public:
  DefaultArithmetic() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultArithmetic() { std::fesetenv(&before_); }
  DefaultArithmetic(const DefaultArithmetic&) = delete;
  DefaultArithmetic& operator=(const DefaultArithmetic&) = delete;

 private:
  std::fenv_t before_{};
};

// Up to kTileQueries queries, prepared for the scan.
struct Tile {
  std::span<const float> queries;
  std::size_t count = 0;
  std::vector<std::int16_t> integers;  // [count, d] for int8 storage
  std::vector<ScanQuery> scans;

  Tile(std::span<const float> rows, const IndexView& index)
      : queries(rows), count(rows.size() / index.d) {
    const bool int8 = index.storage == IndexStorage::kInt8;
    integers.resize(int8 ? queries.size() : 0);
    for (std::size_t j = 0; j < count; ++j) {
      scans.push_back(quantize_query(
          queries.subspan(j * index.d, index.d), index.storage,
          int8 ? std::span(integers).subspan(j * index.d, index.d) : std::span(integers)));
    }
  }
};

// One thread's part of a tile.
class Scanner {
 public:
  Scanner(const IndexView& index, const Tile& tile, std::size_t k, std::size_t block_rows,
          const Implementation& implementation)
      : index_(index),
        tile_(tile),
        implementation_(implementation),
        best_(tile.count, TopHits(k)),
        estimates_(tile.count * block_rows),
        sums_(index.storage == IndexStorage::kInt8 ? tile.count * block_rows : 0),
        upper_(block_rows + kRowsAtOnce) {}

  // Rows first to first + count.
  void scan(std::size_t first, std::size_t count) {
    multiply(first, count);
    for (std::size_t j = 0; j < tile_.count; ++j) {
      bound(j, first, count);
      look_at(j, first, count);
    }
  }

  const TopHits& best(std::size_t query) const { return best_[query]; }

 private:
  void multiply(std::size_t first, std::size_t count) {
    const std::size_t at = first * index_.d;
    switch (index_.storage) {
      case IndexStorage::kF32:
        return implementation_.dot_f32(index_.rows + at, count, tile_.queries.data(), tile_.count,
                                       index_.d, estimates_.data());
      case IndexStorage::kBf16:
        return implementation_.dot_bf16(reinterpret_cast<const std::uint16_t*>(index_.compact) + at,
                                        count, tile_.queries.data(), tile_.count, index_.d,
                                        estimates_.data());
      case IndexStorage::kInt8:
        implementation_.dot_int8(reinterpret_cast<const std::int8_t*>(index_.compact) + at, count,
                                 tile_.integers.data(), tile_.count, index_.d, sums_.data());
        for (std::size_t i = 0; i < tile_.count * count; ++i) {
          estimates_[i] = static_cast<float>(sums_[i]);
        }
    }
  }

  // upper_[i]: what the score of row first + i cannot exceed; see ScanQuery.
  void bound(std::size_t j, std::size_t first, std::size_t count) {
    const ScanQuery scan = tile_.scans[j];
    const float* estimates = estimates_.data() + j * count;
    const float* scales = index_.scales + first;
    const float* residuals = index_.residuals + first;
    const float* norms = index_.norms + first;
    for (std::size_t i = 0; i < count; ++i) {
      const float margin = scan.residual_factor * residuals[i] + scan.norm_factor * norms[i];
      upper_[i] = estimates[i] * (scales[i] * scan.scale) + margin;
    }
    // So that rows can be looked at in full groups.
    std::fill_n(upper_.begin() + static_cast<std::ptrdiff_t>(count), kRowsAtOnce,
                -std::numeric_limits<float>::infinity());
  }

  // "Not below": a bound that is NaN says nothing.
  void look_at(std::size_t j, std::size_t first, std::size_t count) {
    TopHits& best = best_[j];
    for (std::size_t group = 0; group < count; group += kRowsAtOnce) {
      const float* upper = upper_.data() + group;
      const float threshold = best.threshold();
      int any = 0;
      for (std::size_t i = 0; i < kRowsAtOnce; ++i) any |= upper[i] < threshold ? 0 : 1;
      if (any == 0) continue;
      for (std::size_t i = group; i < std::min(group + kRowsAtOnce, count); ++i) {
        if (!(upper_[i] < best.threshold())) best.add(hit(j, first + i));
      }
    }
  }

  Hit hit(std::size_t j, std::size_t row) const {
    const double score = implementation_.dot_exact(index_.rows + row * index_.d,
                                                   tile_.queries.data() + j * index_.d, index_.d);
    if (!std::isfinite(score)) {  // finite f32 numbers cannot do that
      fail(ErrorCode::kCorruptPackage, "expected finite numbers in an index, got others in row ",
           row);
    }
    return {static_cast<std::int64_t>(row), static_cast<float>(score)};
  }

  const IndexView& index_;
  const Tile& tile_;
  const Implementation& implementation_;
  std::vector<TopHits> best_;
  std::vector<float> estimates_;  // [queries, rows of the block]
  std::vector<std::int32_t> sums_;
  std::vector<float> upper_;
};

// The scanners of all threads, and the blocks they take.
class TileSearch {
 public:
  TileSearch(const IndexView& index, const Tile& tile, std::size_t k, const SearchOptions& options,
             const Implementation& implementation)
      : index_(index), stop_(options.stop), block_rows_(rows_of_a_block(index)) {
    const std::size_t threads = thread_count(tile, options.threads);
    scanners_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
      scanners_.emplace_back(index, tile, k, block_rows_, implementation);
    }
  }

  // Throws what a thread threw.
  void run() {
    in_threads(blocks(), scanners_.size(), [this](std::size_t block, std::size_t thread) {
      const DefaultArithmetic arithmetic;
      if (stop_.stop_requested()) fail(ErrorCode::kCancelled, "the search was cancelled");
      const std::size_t first = block * block_rows_;
      scanners_[thread].scan(first, std::min(block_rows_, index_.n - first));
    });
  }

  // The best of all threads, in order.
  void merge(std::size_t query, std::span<Hit> out) const {
    std::vector<Hit> all;
    for (const Scanner& scanner : scanners_) {
      const auto& hits = scanner.best(query).hits();
      all.insert(all.end(), hits.begin(), hits.end());
    }
    std::partial_sort_copy(all.begin(), all.end(), out.begin(), out.end(), is_better);
  }

 private:
  static std::size_t rows_of_a_block(const IndexView& index) {
    const std::size_t bytes = index.storage == IndexStorage::kInt8   ? 1
                              : index.storage == IndexStorage::kBf16 ? 2
                                                                     : 4;
    return std::clamp(kBlockBytes / (bytes * index.d), kRowsAtOnce, kMaxBlockRows);
  }

  std::size_t blocks() const { return (index_.n + block_rows_ - 1) / block_rows_; }

  std::size_t thread_count(const Tile& tile, int wanted) const {
    const std::size_t worth_it =
        index_.n * index_.d / std::max<std::size_t>(kWorkPerThread / tile.count, 1) + 1;
    const std::size_t threads = wanted > 0 ? static_cast<std::size_t>(wanted)
                                           : std::max(1U, std::thread::hardware_concurrency());
    return std::min({threads, blocks(), worth_it});
  }

  const IndexView& index_;
  const std::stop_token& stop_;
  const std::size_t block_rows_;
  std::vector<Scanner> scanners_;
};

}  // namespace

SearchResult search_index(const IndexView& index, std::span<const float> queries, std::size_t k,
                          const SearchOptions& options, const Implementation& implementation) {
  const DefaultArithmetic arithmetic;
  const std::size_t count = queries.size() / index.d;
  const std::size_t kept = std::min(k, index.n);
  SearchResult result{static_cast<std::int64_t>(count), static_cast<std::int64_t>(kept), {}};
  if (kept > 0 && count > result.hits.max_size() / kept) {
    fail(ErrorCode::kOutOfMemory, "expected memory for ", count, " times ", kept,
         " hits, more than can be addressed");
  }
  result.hits.resize(count * kept);
  if (result.hits.empty()) return result;
  for (std::size_t first = 0; first < count; first += kTileQueries) {
    const std::size_t some = std::min(kTileQueries, count - first);
    const Tile tile(queries.subspan(first * index.d, some * index.d), index);
    TileSearch search(index, tile, kept, options, implementation);
    search.run();
    for (std::size_t j = 0; j < some; ++j) {
      search.merge(j, std::span(result.hits).subspan((first + j) * kept, kept));
    }
  }
  return result;
}

}  // namespace glint
