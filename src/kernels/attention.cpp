#include "kernels/attention.h"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace glint {
namespace {

constexpr std::int64_t kWorthAThread = 1 << 14;  // products: some microseconds

// What one thread works in.
class Scratch {
 public:
  Scratch(const MatmulKernels& kernels, const AttentionShape& shape)
      : per_word_(numbers_a_word(kernels.operands)),
        score_columns_(round_up(shape.keys, kernels.columns)),
        value_columns_(round_up(shape.width, kernels.columns)),
        width_words_(depth_of(shape.width, kernels)),
        key_words_(depth_of(shape.keys, kernels)),
        keys(size(width_words_ * score_columns_)),
        values(size(key_words_ * value_columns_)),
        rows(size(kernels.rows * std::max(width_words_, divide_up(score_columns_, per_word_)))),
        scores(size(kernels.rows * score_columns_)),
        scales(size(kernels.rows)) {}

  std::int64_t per_word() const { return per_word_; }
  std::int64_t score_columns() const { return score_columns_; }
  std::int64_t value_columns() const { return value_columns_; }
  std::int64_t width_words() const { return width_words_; }
  std::int64_t key_words() const { return key_words_; }

 private:
  static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }
  std::int64_t per_word_, score_columns_, value_columns_, width_words_, key_words_;

 public:
  std::vector<std::uint32_t> keys;    // [panels, width words, columns]: transposed
  std::vector<std::uint32_t> values;  // [panels, key words, columns]
  std::vector<std::uint32_t> rows;    // what enters a product: queries, then weights
  std::vector<float> scores;          // [rows of a tile, score columns]
  std::vector<float> scales;          // of those rows
};

struct Head {
  const float* q;
  const float* k;
  const float* v;
  float* out;
};

class Attention {
 public:
  Attention(const MatmulKernels& kernels, const AttentionShape& shape, const HeadsView& q,
            const HeadsView& k, const HeadsView& v, float scale, bool causal, float* out,
            std::int64_t out_stride)
      : kernels_(kernels),
        shape_(shape),
        q_(q),
        k_(k),
        v_(v),
        scale_(scale),
        causal_(causal),
        out_(out),
        out_stride_(out_stride == 0 ? shape.heads * shape.width : out_stride) {}

  void head(std::int64_t index, Scratch& scratch) const {
    const std::int64_t b = index / shape_.heads, h = index % shape_.heads;
    const auto at = [&](const HeadsView& view) {
      return view.data + b * view.batch_stride + h * view.head_stride;
    };
    const Head head{at(q_), at(k_), at(v_),
                    out_ + b * shape_.queries * out_stride_ + h * shape_.width};
    pack_keys(head.k, scratch);
    pack_values(head.v, scratch);
    const std::int64_t tiles = divide_up(shape_.queries, kernels_.rows);
    for (std::int64_t i = 0; i < tiles; ++i) {
      tile(head, i * shape_.queries / tiles, (i + 1) * shape_.queries / tiles, scratch);
    }
  }

 private:
  // A query or key of `width` numbers -> `words`.
  void prepare(const float* x, std::int64_t words, std::uint32_t* row) const {
    std::fill(row + shape_.width / numbers_a_word(kernels_.operands), row + words, 0U);
    kernels_.prepare(x, shape_.width, nullptr, row);
  }

  // Key j becomes column j of the panels.
  void pack_keys(const float* k, Scratch& scratch) const {
    const std::int64_t columns = kernels_.columns, words = scratch.width_words();
    for (std::int64_t j = 0; j < shape_.keys; ++j) {
      std::uint32_t* row = scratch.rows.data();
      prepare(k + j * k_.token_stride, words, row);
      std::uint32_t* to = scratch.keys.data() + j / columns * words * columns + j % columns;
      for (std::int64_t w = 0; w < words; ++w) to[w * columns] = row[w];
    }
  }

  // A word holds the same number of one key or of two.
  void pack_values(const float* v, Scratch& scratch) const {
    const std::int64_t columns = kernels_.columns, words = scratch.key_words();
    for (std::int64_t first = 0; first < shape_.width; first += columns) {
      const std::int64_t count = std::min(columns, shape_.width - first);
      for (std::int64_t w = 0; w < divide_up(shape_.keys, scratch.per_word()); ++w) {
        std::uint32_t* to = scratch.values.data() + first * words + w * columns;
        if (scratch.per_word() == 1) {
          std::memcpy(to, v + w * v_.token_stride + first,
                      static_cast<std::size_t>(count) * sizeof(float));
        } else {
          pair_values(v, w, first, count, to);
        }
      }
    }
  }

  // to[c] = the keys 2 w and 2 w + 1 at number first + c.
  void pair_values(const float* v, std::int64_t w, std::int64_t first, std::int64_t count,
                   std::uint32_t* to) const {
    float pairs[2 * kMostColumns];
    const float* a = v + 2 * w * v_.token_stride + first;
    const bool both = 2 * w + 1 < shape_.keys;
    for (std::int64_t c = 0; c < count; ++c) {
      pairs[2 * c] = a[c];
      pairs[2 * c + 1] = both ? a[v_.token_stride + c] : 0;
    }
    kernels_.prepare(pairs, 2 * count, nullptr, to);
  }

  void tile(const Head& head, std::int64_t first, std::int64_t last, Scratch& scratch) const {
    const std::int64_t rows = last - first;
    const std::int64_t keys = causal_ ? last : shape_.keys;  // that any of these queries sees
    const std::int64_t padded = round_up(keys, kernels_.columns);
    score(head, first, rows, padded, scratch);
    for (std::int64_t r = 0; r < rows; ++r) {
      float* scores = scratch.scores.data() + r * padded;
      const std::int64_t seen = causal_ ? first + r + 1 : keys;
      scratch.scales[static_cast<std::size_t>(r)] = 1 / kernels_.soften(scores, seen, padded);
      kernels_.prepare(scores, padded, nullptr,
                       scratch.rows.data() + r * (padded / scratch.per_word()));
    }
    mix(head, first, rows, keys, padded, scratch);
  }

  // scores [rows, padded] of the queries from `first` on.
  void score(const Head& head, std::int64_t first, std::int64_t rows, std::int64_t padded,
             Scratch& scratch) const {
    const std::int64_t words = scratch.width_words(), columns = kernels_.columns;
    for (std::int64_t r = 0; r < rows; ++r) {
      prepare(head.q + (first + r) * q_.token_stride, words, scratch.rows.data() + r * words);
    }
    std::fill(scratch.scales.begin(), scratch.scales.end(), scale_);
    for (std::int64_t column = 0; column < padded; column += columns) {
      kernels_.multiply_scaled({.x = scratch.rows.data(),
                                .x_stride = words,
                                .rows = rows,
                                .panel = scratch.keys.data() + column * words,
                                .depth = words,
                                .y = scratch.scores.data() + column,
                                .y_stride = padded,
                                .columns = columns,
                                .row_scales = scratch.scales.data()});
    }
  }

  void mix(const Head& head, std::int64_t first, std::int64_t rows, std::int64_t keys,
           std::int64_t padded, Scratch& scratch) const {
    const std::int64_t columns = kernels_.columns;
    for (std::int64_t column = 0; column < shape_.width; column += columns) {
      kernels_.multiply_scaled({.x = scratch.rows.data(),
                                .x_stride = padded / scratch.per_word(),
                                .rows = rows,
                                .panel = scratch.values.data() + column * scratch.key_words(),
                                .depth = depth_of(keys, kernels_),
                                .y = head.out + first * out_stride_ + column,
                                .y_stride = out_stride_,
                                .columns = std::min(columns, shape_.width - column),
                                .row_scales = scratch.scales.data()});
    }
  }

  static constexpr std::int64_t kMostColumns = 32;

  const MatmulKernels& kernels_;
  const AttentionShape& shape_;
  const HeadsView &q_, &k_, &v_;
  float scale_;
  bool causal_;
  float* out_;
  std::int64_t out_stride_;
};

}  // namespace

void attention(const MatmulKernels& kernels, const AttentionShape& shape, const HeadsView& q,
               const HeadsView& k, const HeadsView& v, float scale, bool causal, float* out,
               std::int64_t out_stride) {
  const std::int64_t heads = shape.batch * shape.heads;
  if (heads == 0 || shape.queries == 0) return;
  const Attention work(kernels, shape, q, k, v, scale, causal, out, out_stride);
  const bool shared = heads * shape.queries * shape.keys * shape.width >= kWorthAThread;
  const auto threads =
      static_cast<int>(shared ? std::min<std::int64_t>(heads, omp_get_max_threads()) : 1);
  std::vector<Scratch> scratch;
  scratch.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) scratch.emplace_back(kernels, shape);
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t count = omp_get_num_threads(), me = omp_get_thread_num();
    for (std::int64_t i = me * heads / count; i < (me + 1) * heads / count; ++i) {
      work.head(i, scratch[static_cast<std::size_t>(me)]);
    }
    if (kernels.done != nullptr) kernels.done();
  }
}

}  // namespace glint
