// The two passes of 8-bit resampling by several implementations, one for each instruction set.
// `scalar` is the reference and runs everywhere; the others need what their names say of the CPU.
// All give the same bytes: the sums are integers, and wrap around alike on the way.
//
// An implementation keeps the weights in a form of its own, which is made once for an axis and read
// for every row. Files named *_kernels.cpp are compiled for one instruction set each; they take
// plain pointers and nothing of the standard library, so that no code compiled for one CPU can be
// linked into what runs on another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "image/weights.h"

namespace glint {

// Horizontal pass. Immutable.
class AcrossPass {
 public:
  AcrossPass() = default;
  AcrossPass(const AcrossPass&) = delete;
  AcrossPass& operator=(const AcrossPass&) = delete;
  virtual ~AcrossPass() = default;

  // `rows` rows, each of the pixels from weights.input_begin() to input_end(), of which no byte
  // beyond is read; each gives weights.taps.size() pixels. Any alignment. in and out do not
  // overlap.
  virtual void run(const std::uint8_t* in, std::int64_t in_stride, std::int64_t rows,
                   std::uint8_t* out, std::int64_t out_stride) const = 0;
};

// Vertical pass. Immutable.
class DownPass {
 public:
  DownPass() = default;
  DownPass(const DownPass&) = delete;
  DownPass& operator=(const DownPass&) = delete;
  virtual ~DownPass() = default;

  // One output row, weights.taps[sample], of n bytes:
  // out[i] = sum over j of weight[j] * rows[j * stride + i]. Any alignment. No overlap.
  virtual void run(std::size_t sample, const std::uint8_t* rows, std::int64_t stride,
                   std::int64_t n, std::uint8_t* out) const = 0;
};

// The passes refer to the weights, which must outlive them. Throws std::bad_alloc.
struct ResampleImplementation {
  const char* name;
  // Pixels of `channels` 1 to 4 bytes, each channel on its own.
  std::unique_ptr<AcrossPass> (*across)(const AxisWeights& weights, std::int64_t channels);
  std::unique_ptr<DownPass> (*down)(const AxisWeights& weights);
};

// Those that this CPU can run: the first is scalar, the last the fastest.
std::span<const ResampleImplementation* const> resample_implementations();
const ResampleImplementation& best_resample_implementation();

namespace resample {

extern const ResampleImplementation kScalar;
extern const ResampleImplementation kAvx2;    // on x86-64 only
extern const ResampleImplementation kAvx512;  // on x86-64 only; with VBMI and VNNI

// What a form of the weights may take, in bytes a weight, the plain form included.
inline constexpr std::int64_t kMostAcrossBytes = 24;
inline constexpr std::int64_t kMostDownBytes = 8;

}  // namespace resample
}  // namespace glint
