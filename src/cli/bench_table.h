// Tables of times, a line at a time: cells have fixed widths, so that a line can be shown as soon
// as it is known.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace glint::cli {

// The first cell is on the left of its width, the others on the right; a width for each cell.
std::string table_line(const std::vector<std::string>& cells, std::span<const std::size_t> widths);

// Four significant digits: "0.01234", "12.34", "1234".
std::string number(double value);

}  // namespace glint::cli
