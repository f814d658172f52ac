// Any bytes -> decode_image -> Preprocessor. Only glint::Error may come out, and never one that
// blames the library itself.
#include <glint/error.h>
#include <glint/image.h>
#include <glint/preprocess.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

constexpr std::int64_t kMaxPixels = 1 << 18;  // keeps a run short

// A spec that depends on `number`, so that all of them take their turn.
glint::PreprocessSpec spec_for(std::size_t number) {
  const auto choose = [&](std::size_t count) {
    const std::size_t choice = number % count;
    number /= count;
    return static_cast<int>(choice);
  };
  glint::PreprocessSpec spec{.width = 16, .height = 16, .mean = {}, .std = {1, 1, 1}};
  spec.geometry = static_cast<glint::Geometry>(choose(3));
  spec.interpolation = static_cast<glint::Interpolation>(choose(3));
  spec.arithmetic = static_cast<glint::Arithmetic>(choose(4));
  spec.rgb = static_cast<glint::RgbConversion>(choose(3));
  spec.height = choose(2) == 0 ? 16 : 9;
  spec.align_corners = spec.arithmetic == glint::Arithmetic::kTorch && choose(2) == 1;
  if (spec.arithmetic != glint::Arithmetic::kPillow) {
    if (spec.rgb == glint::RgbConversion::kAfterResize) {
      spec.rgb = glint::RgbConversion::kBeforeResize;
    }
    if (spec.arithmetic != glint::Arithmetic::kTorchvision) {
      spec.interpolation = glint::Interpolation::kBilinear;
    }
  }
  return spec;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    const glint::Image image =
        glint::decode_image(bytes, {.max_pixels = kMaxPixels, .apply_exif = size % 2 == 0});
    if (image.width() * image.height() > kMaxPixels) std::abort();
    glint::Preprocessor{spec_for(size)}(image);
  } catch (const glint::Error& error) {
    if (error.code() == glint::ErrorCode::kInternal) std::abort();
  }
  return 0;
}
