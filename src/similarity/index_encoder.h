// Turns rows into the bytes of an index, wherever these go: into memory or into a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "similarity/index_layout.h"

namespace glint {

class IndexEncoder {
 public:
  // Puts bytes at a place. Each byte of each section is put once, in the order of its section.
  using Put = std::function<void(std::uint64_t at, std::span<const std::byte> bytes)>;

  IndexEncoder(const IndexLayout& layout, Put put) : header_{layout}, put_(std::move(put)) {}

  // rows [any, d]. Throws Error(kInvalidArgument): partial rows, more than n in all, a number that
  // is none and in which row; and what `put` throws.
  void add(std::span<const float> rows);

  // Puts the header. Throws Error(kInvalidArgument): fewer than n rows, or called before.
  void finish();

 private:
  void check(std::span<const float> rows) const;
  void put(IndexLayout::Section section, std::span<const std::byte> bytes);

  IndexHeader header_;
  Put put_;
  std::uint64_t done_ = 0;  // rows
  bool finished_ = false;
  std::vector<std::byte> compact_;
  std::vector<float> scales_;
  std::vector<float> residuals_;
  std::vector<float> norms_;
};

}  // namespace glint
