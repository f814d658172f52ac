#include "image/resize_torch.h"

#include <glint/resize.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "core/check.h"
#include "image/view.h"

namespace glint {
namespace {

float scale_of(std::int64_t in_size, std::int64_t out_size, bool align_corners) {
  if (!align_corners) return static_cast<float>(in_size) / static_cast<float>(out_size);
  return out_size > 1 ? static_cast<float>(in_size - 1) / static_cast<float>(out_size - 1) : 0.0f;
}

// Where output sample i lies among the input samples.
float source_of(const LinearAxis& axis, float scale, std::int64_t i) {
  if (axis.align_corners) return scale * static_cast<float>(i);
  const float centre = static_cast<float>(i) + 0.5f;
  const float source = axis.fused ? std::fma(scale, centre, -0.5f) : scale * centre - 0.5f;
  return std::max(0.0f, source);
}

// Inlined into each caller, so that std::fma is an instruction where the caller may use it.
__attribute__((always_inline)) inline void blend(BlendForm form, const float* low,
                                                 const float* high, const LinearTap& row,
                                                 std::span<const LinearTap> columns, float* out) {
  for (const LinearTap& x : columns) {
    const float a = low[x.low], b = low[x.high], c = high[x.low], d = high[x.high];
    const float w0 = x.weight_low, w1 = x.weight_high;
    const float h0 = row.weight_low, h1 = row.weight_high;
    float sum = 0;
    if (form == BlendForm::kSeparable) {
      sum = std::fma(std::fma(a, w0, b * w1), h0, std::fma(c, w0, d * w1) * h1);
    } else if (form == BlendForm::kScalar) {
      sum = std::fma(d, h1 * w1, std::fma(c, h1 * w0, std::fma(a, h0 * w0, b * (h0 * w1))));
    } else {
      sum = std::fma(a, h0 * w0, std::fma(b, h0 * w1, std::fma(d, h1 * w1, c * (h1 * w0))));
    }
    *out++ = sum;
  }
}

using Blend = void (*)(BlendForm, const float*, const float*, const LinearTap&,
                       std::span<const LinearTap>, float*);

void blend_anywhere(BlendForm form, const float* low, const float* high, const LinearTap& row,
                    std::span<const LinearTap> columns, float* out) {
  blend(form, low, high, row, columns, out);
}

#if defined(__x86_64__)
// The same bits: only how a fused multiply-add is computed differs.
__attribute__((target("fma"))) void blend_fma(BlendForm form, const float* low, const float* high,
                                              const LinearTap& row,
                                              std::span<const LinearTap> columns, float* out) {
  blend(form, low, high, row, columns, out);
}

const Blend kBlend = __builtin_cpu_supports("fma") ? blend_fma : blend_anywhere;
#else
constexpr Blend kBlend = blend_anywhere;
#endif

void check_planes(std::size_t count, PlaneSize size, const char* what) {
  if (size.height < 1 || size.width < 1 || size.height > kMaxSide || size.width > kMaxSide) {
    fail(ErrorCode::kInvalidArgument, "resize_bilinear: expected sides of 1 to ", kMaxSide,
         " samples of ", what, ", got ", size.height, " x ", size.width);
  }
  const auto plane = static_cast<std::size_t>(size.height * size.width);
  if (count % plane != 0) {
    fail(ErrorCode::kInvalidArgument, "resize_bilinear: expected whole planes of ", size.height,
         " x ", size.width, " samples of ", what, ", got ", count, " samples");
  }
}

}  // namespace

BlendForm blend_form(std::int64_t height, std::int64_t width, std::int64_t c,
                     std::int64_t channels) {
  if (height + width > 128) return BlendForm::kSeparable;
  return c < channels - channels % 8 ? BlendForm::kVector : BlendForm::kScalar;
}

std::vector<LinearTap> linear_taps(const LinearAxis& axis, std::int64_t begin, std::int64_t end) {
  const float scale = scale_of(axis.in_size, axis.out_size, axis.align_corners);
  std::vector<LinearTap> taps;
  taps.reserve(static_cast<std::size_t>(end - begin));
  for (std::int64_t i = begin; i < end; ++i) {
    if (axis.in_size == axis.out_size) {
      taps.push_back({.low = i, .high = i, .weight_low = 1.0f, .weight_high = 0.0f});
      continue;
    }
    const float source = source_of(axis, scale, i);
    const auto low = std::min(static_cast<std::int64_t>(std::floor(source)), axis.in_size - 1);
    const float fraction = std::clamp(source - static_cast<float>(low), 0.0f, 1.0f);
    taps.push_back({.low = low,
                    .high = std::min(low + 1, axis.in_size - 1),
                    .weight_low = 1.0f - fraction,
                    .weight_high = fraction});
  }
  return taps;
}

void blend_rows(BlendForm form, const float* low, const float* high, const LinearTap& row,
                const std::vector<LinearTap>& columns, float* out) {
  kBlend(form, low, high, row, columns, out);
}

void resize_bilinear(std::span<const float> planes, PlaneSize size, std::span<float> out,
                     PlaneSize out_size, bool align_corners) try {
  check_planes(planes.size(), size, "the input");
  check_planes(out.size(), out_size, "the output");
  const std::int64_t in_plane = size.height * size.width;
  const std::int64_t out_plane = out_size.height * out_size.width;
  const std::int64_t count = std::ssize(planes) / in_plane;
  if (std::ssize(out) / out_plane != count) {
    fail(ErrorCode::kInvalidArgument, "resize_bilinear: expected room for ", count,
         " planes, got room for ", std::ssize(out) / out_plane);
  }
  if (count == 0) return;
  const bool fused = blend_form(out_size.height, out_size.width, 0, count) != BlendForm::kSeparable;
  const auto columns =
      linear_taps({size.width, out_size.width, align_corners, fused}, 0, out_size.width);
  const auto rows =
      linear_taps({size.height, out_size.height, align_corners, fused}, 0, out_size.height);
  float* to = out.data();
  for (std::int64_t c = 0; c < count; ++c) {
    const float* plane = planes.data() + c * in_plane;
    const BlendForm form = blend_form(out_size.height, out_size.width, c, count);
    for (const LinearTap& row : rows) {
      blend_rows(form, plane + row.low * size.width, plane + row.high * size.width, row, columns,
                 to);
      to += out_size.width;
    }
  }
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "resize_bilinear: expected memory for tables of ", out_size.height,
       " + ", out_size.width, " entries, got none");
}

}  // namespace glint
