// The reference: what the other implementations are compared with. Plain loops over 16 lanes, a
// shape that a compiler keeps in registers.
#include <bit>

#include "similarity/implementation.h"

namespace glint::similarity {
namespace {

constexpr std::size_t kLanes = 16;

float to_f32(float v) { return v; }
float to_f32(std::uint16_t bf16) { return std::bit_cast<float>(std::uint32_t{bf16} << 16); }

template <typename Row>
float dot(const Row* a, const float* b, std::size_t d) {
  float sums[kLanes] = {};
  std::size_t k = 0;
  for (; k + kLanes <= d; k += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += to_f32(a[k + lane]) * b[k + lane];
    }
  }
  for (std::size_t lane = 0; k + lane < d; ++lane) sums[lane] += to_f32(a[k + lane]) * b[k + lane];
  float total = 0;
  for (const float sum : sums) total += sum;
  return total;
}

template <typename Row>
void dot_block(const Row* rows, std::size_t n, const float* queries, std::size_t q, std::size_t d,
               float* out) {
  for (std::size_t j = 0; j < q; ++j) {
    for (std::size_t i = 0; i < n; ++i) out[j * n + i] = dot(rows + i * d, queries + j * d, d);
  }
}

void dot_int8(const std::int8_t* rows, std::size_t n, const std::int16_t* queries, std::size_t q,
              std::size_t d, std::int32_t* out) {
  for (std::size_t j = 0; j < q; ++j) {
    for (std::size_t i = 0; i < n; ++i) {
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < d; ++k) {
        sum += std::int32_t{rows[i * d + k]} * std::int32_t{queries[j * d + k]};
      }
      out[j * n + i] = sum;
    }
  }
}

double dot_exact(const float* a, const float* b, std::size_t d) {
  double s[8] = {};
  std::size_t k = 0;
  for (; k + 8 <= d; k += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) {
      s[lane] += static_cast<double>(a[k + lane]) * static_cast<double>(b[k + lane]);
    }
  }
  for (std::size_t lane = 0; k + lane < d; ++lane) {
    s[lane] += static_cast<double>(a[k + lane]) * static_cast<double>(b[k + lane]);
  }
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

}  // namespace

const Implementation kScalar{"scalar", dot_block<float>, dot_block<std::uint16_t>, dot_int8,
                             dot_exact};

}  // namespace glint::similarity
