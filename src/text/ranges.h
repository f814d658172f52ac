// Lookup in the generated tables: sorted rows, each for the code points [first, last].
#pragma once

#include <algorithm>
#include <iterator>
#include <span>

namespace glint {

struct Range {
  char32_t first;
  char32_t last;
};

// The row that holds c, or null.
template <typename Row>
const Row* find_range(std::span<const Row> table, char32_t c) {
  const auto above =
      std::upper_bound(table.begin(), table.end(), c,
                       [](char32_t value, const Row& row) { return value < row.first; });
  if (above == table.begin()) return nullptr;
  const Row& row = *std::prev(above);
  return c <= row.last ? &row : nullptr;
}

}  // namespace glint
