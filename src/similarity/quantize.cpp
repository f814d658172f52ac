#include "similarity/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "similarity/implementation.h"

namespace glint {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kUnit = 0x1p-24;  // relative error of one f32 rounding
constexpr int kMaxInt8 = 127;

// Everything that a scan rounds after the dot product: the conversion of an integer sum, two
// products of scales, the three terms of the bound, and the score that is compared with it. Each is
// within one unit of (|q| + |q'|) (|c| + |x - c|); 16 leave room.
constexpr double kSlack = 16 * kUnit;

bool is_ordinary(double norm) { return norm == 0 || (norm >= 0x1p-40 && norm <= 0x1p40); }

// Not below `value`, whose own relative error is far below an f32's.
float round_up(double value) {
  const auto nearest = static_cast<float>(value);
  return value == 0 ? nearest : std::nextafter(nearest, kInfinity);
}

double norm_of(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * v;
  return std::sqrt(sum);
}

float largest(std::span<const float> values) {
  float max = 0;
  for (const float v : values) max = std::max(max, std::abs(v));
  return max;
}

// To nearest, ties to even: the upper half of the f32.
std::uint16_t to_bf16(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float from_bf16(std::uint16_t v) { return std::bit_cast<float>(std::uint32_t{v} << 16); }

// Sums up what a compact row is and what it misses.
class Difference {
 public:
  void add(float exact, double kept) {
    missing_ += (exact - kept) * (exact - kept);
    kept_ += kept * kept;
  }
  RowBound bound(float scale) const {
    return {scale, round_up(std::sqrt(missing_)), round_up(std::sqrt(kept_))};
  }

 private:
  double missing_ = 0;
  double kept_ = 0;
};

RowBound quantize_to_bf16(std::span<const float> row, std::span<std::byte> compact) {
  Difference difference;
  for (std::size_t k = 0; k < row.size(); ++k) {
    const std::uint16_t value = to_bf16(row[k]);
    std::memcpy(compact.data() + 2 * k, &value, 2);
    difference.add(row[k], from_bf16(value));
  }
  return difference.bound(1);
}

RowBound quantize_to_int8(std::span<const float> row, std::span<std::byte> compact) {
  const float scale = largest(row) / kMaxInt8;
  Difference difference;
  for (std::size_t k = 0; k < row.size(); ++k) {
    const float value = std::clamp(std::nearbyint(row[k] / scale), -127.0F, 127.0F);
    compact[k] = static_cast<std::byte>(static_cast<std::int8_t>(value));
    difference.add(row[k], static_cast<double>(scale) * value);
  }
  return difference.bound(scale);
}

// So large that d products with 127 still fit an int32.
int largest_integer(std::size_t d) {
  constexpr std::size_t kMaxSum = std::numeric_limits<std::int32_t>::max();
  return static_cast<int>(std::min<std::size_t>(32767, kMaxSum / (kMaxInt8 * d)));
}

}  // namespace

RowBound quantize_row(std::span<const float> row, IndexStorage storage,
                      std::span<std::byte> compact) {
  const double norm = norm_of(row);
  if (norm == 0 || !is_ordinary(norm)) {
    std::ranges::fill(compact, std::byte{0});
    return {0, norm == 0 ? 0 : kInfinity, 0};
  }
  switch (storage) {
    case IndexStorage::kBf16:
      return quantize_to_bf16(row, compact);
    case IndexStorage::kInt8:
      return quantize_to_int8(row, compact);
    default:
      return {1, 0, round_up(norm)};
  }
}

ScanQuery quantize_query(std::span<const float> query, IndexStorage storage,
                         std::span<std::int16_t> integers) {
  const double norm = norm_of(query);
  ScanQuery scan;
  if (!is_ordinary(norm)) {
    std::ranges::fill(integers, std::int16_t{0});
    return {0, kInfinity, kInfinity};
  }
  double error = 0;  // of the dot product with c, over |c|
  if (storage == IndexStorage::kInt8) {
    const int limit = largest_integer(query.size());
    scan.scale = norm == 0 ? 1 : largest(query) / static_cast<float>(limit);
    double missing = 0;
    for (std::size_t k = 0; k < query.size(); ++k) {
      const int value =
          std::clamp(static_cast<int>(std::nearbyint(query[k] / scan.scale)), -limit, limit);
      integers[k] = static_cast<std::int16_t>(value);
      const double missed = query[k] - static_cast<double>(scan.scale) * value;
      missing += missed * missed;
    }
    error = std::sqrt(missing) * (1 + kSlack);
  } else {
    // Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: n roundings a term.
    const double n = static_cast<double>(query.size() / 16 + kF32ExtraRoundings) * kUnit;
    error = norm * n / (1 - n);
  }
  // Where f32 products vanish (below 2^-126, and then at most 2^16 of them), the slack, which is at
  // least 2^-20 * 2^-40 * 2^-40, is larger.
  scan.residual_factor = round_up(norm * (1 + kSlack));
  scan.norm_factor = round_up(error + norm * kSlack);
  return scan;
}

}  // namespace glint
