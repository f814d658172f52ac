// Dot products by tiles: 4 rows with Q queries share their loads, and their sums stay in registers.
// An instruction set brings a struct T of vector operations:
//
//   Row, Query, Out             types of the numbers
//   Vector, kLanes              kLanes numbers of each, and how many they are
//   kQueries                    of a tile; as many as the registers hold
//   zero()
//   row(p), query(p)            kLanes numbers from memory
//   row(p, n), query(p, n)      only n < kLanes of them, zeros after
//   add_product(sum, a, b)
//   store_sums(out, a, b, c, d) the sum of each vector's lanes to out[0 .. 4)
//   store_sum(out, a)           one of these, by the same order of additions
//
// Included by files that are compiled for one instruction set each. Everything is in an unnamed
// namespace and nothing comes from the standard library, so that no code compiled for one CPU can
// be linked into what runs on another.
#pragma once

#include <cstddef>

namespace glint {
namespace {

template <typename T>
class Tiles {
 public:
  using Row = typename T::Row;
  using Query = typename T::Query;
  using Out = typename T::Out;

  // As the functions of Implementation.
  static void dot_block(const Row* rows, std::size_t n, const Query* queries, std::size_t q,
                        std::size_t d, Out* out) {
    if (q == 1) {
      // Memory is the limit, and one stream of rows comes in twice as fast as four.
      for (std::size_t i = 0; i < n; ++i) tile<1, 1>(rows + i * d, queries, d, out + i, n);
      return;
    }
    std::size_t j = 0;
    for (; j + T::kQueries <= q; j += T::kQueries) {
      dot_rows<T::kQueries>(rows, n, queries + j * d, d, out + j * n);
    }
    for (; j < q; ++j) dot_rows<1>(rows, n, queries + j * d, d, out + j * n);
  }

 private:
  using Vector = typename T::Vector;

  template <std::size_t Q>
  static void dot_rows(const Row* rows, std::size_t n, const Query* queries, std::size_t d,
                       Out* out) {
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) tile<4, Q>(rows + i * d, queries, d, out + i, n);
    for (; i < n; ++i) tile<1, Q>(rows + i * d, queries, d, out + i, n);
  }

  template <std::size_t R, std::size_t Q>
  static void tile(const Row* rows, const Query* queries, std::size_t d, Out* out,
                   std::size_t stride) {
    Vector sums[R][Q];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < R; ++i) {
#pragma GCC unroll 4
      for (std::size_t j = 0; j < Q; ++j) sums[i][j] = T::zero();
    }
    std::size_t k = 0;
    for (; k + T::kLanes <= d; k += T::kLanes) step<R, Q>(rows + k, queries + k, d, sums);
    if (k < d) step<R, Q>(rows + k, queries + k, d, sums, d - k);
#pragma GCC unroll 4
    for (std::size_t j = 0; j < Q; ++j) {
      if constexpr (R == 4) {
        T::store_sums(out + j * stride, sums[0][j], sums[1][j], sums[2][j], sums[3][j]);
      } else {
        T::store_sum(out + j * stride, sums[0][j]);
      }
    }
  }

  template <std::size_t R, std::size_t Q, typename... Count>
  static void step(const Row* rows, const Query* queries, std::size_t d, Vector (&sums)[R][Q],
                   Count... count) {
    Vector row[R];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < R; ++i) row[i] = T::row(rows + i * d, count...);
#pragma GCC unroll 4
    for (std::size_t j = 0; j < Q; ++j) {
      const Vector query = T::query(queries + j * d, count...);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < R; ++i) sums[i][j] = T::add_product(sums[i][j], row[i], query);
    }
  }
};

}  // namespace
}  // namespace glint
