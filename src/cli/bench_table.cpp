#include "cli/bench_table.h"

#include <algorithm>
#include <cstdio>

namespace glint::cli {

std::string table_line(const std::vector<std::string>& cells, std::span<const std::size_t> widths) {
  std::string line = cells.front();
  line.resize(std::max(widths.front(), line.size()), ' ');
  for (std::size_t i = 1; i < cells.size(); ++i) {
    const std::string& cell = cells[i];
    line.append(cell.size() < widths[i] ? widths[i] - cell.size() : 1, ' ').append(cell);
  }
  return line;
}

std::string number(double value) {
  int digits = 3;
  for (double bound = 10; bound <= value && digits > 0; bound *= 10) --digits;
  for (double bound = 1; value < bound && digits < 6; bound /= 10) ++digits;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

}  // namespace glint::cli
