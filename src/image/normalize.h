// Bytes to the numbers that an image encoder was trained on. A byte has 256 values, so this is a
// table a channel.
#pragma once

#include <glint/preprocess.h>

#include <array>
#include <cstdint>

namespace glint {

class Normalizer {
 public:
  explicit Normalizer(const PreprocessSpec& spec);

  // n RGB triples -> n floats in each channel c of the result, at out + c * plane.
  void row(const std::uint8_t* rgb, std::int64_t n, float* out, std::int64_t plane) const;

 private:
  std::array<std::int64_t, 3> result_channel_;   // of R, G, B
  std::array<std::array<float, 256>, 3> table_;  // of R, G, B
};

}  // namespace glint
