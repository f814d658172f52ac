// The weights of antialiased resizing, as Pillow and ATen compute them.
//
// An output sample is a weighted sum of the input samples under a kernel that is stretched by the
// shrink factor. Both references compute the weights in double by the same operations and normalise
// them to sum 1; they differ in how many fractional bits are kept.
#pragma once

#include <glint/preprocess.h>

#include <cstdint>
#include <vector>

namespace glint {

// How in_size samples become out_size samples along one axis. Sizes 1 to 2^31 - 1.
struct AxisResize {
  std::int64_t in_size;
  std::int64_t out_size;
  Interpolation kernel;  // kBilinear or kBicubic
  int weight_bits;       // fractional bits, from weight_bits() or kPillowWeightBits
};

inline constexpr int kPillowWeightBits = 22;  // 32 - 8 - 2

// ATen's: as many as keep the axis's largest weight below 2^15, at most 22.
// UpSampleKernel.cpp, HelperInterpBase::_compute_index_ranges_int16_weights. Cost: O(all weights).
int aten_weight_bits(std::int64_t in_size, std::int64_t out_size, Interpolation kernel);

// The weights of a run of output samples along one axis.
struct AxisWeights {
  struct Taps {
    std::int64_t first;   // input sample under the first weight
    std::int64_t count;   // weights
    std::int64_t offset;  // of the first weight in `weights`
  };
  std::vector<Taps> taps;             // one an output sample; `first` and its end never decrease
  std::vector<std::int32_t> weights;  // `bits` fractional bits
  int bits = 0;

  std::int64_t input_begin() const { return taps.front().first; }
  std::int64_t input_end() const { return taps.back().first + taps.back().count; }
};

// Weights of output samples begin .. end; 0 <= begin < end <= out_size.
// Pillow's Resample.c: precompute_coeffs, normalize_coeffs_8bpc.
AxisWeights axis_weights(const AxisResize& axis, std::int64_t begin, std::int64_t end);

// At most how many weights an output sample has.
std::int64_t max_taps(const AxisResize& axis);

}  // namespace glint
