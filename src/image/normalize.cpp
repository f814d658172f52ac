#include "image/normalize.h"

#include <cstddef>

namespace glint {
namespace {

float normalized(std::size_t v, float mean, float std, Rescale rescale) {
  const auto value = static_cast<float>(v);
  if (rescale == Rescale::kFused) {
    // transformers image_processing_backends.py, _fuse_mean_std_and_rescale_factor: mean and std
    // times 1 / rescale_factor, which is 255 in f32.
    const float centred = value - mean * 255.0f;
    return centred / (std * 255.0f);
  }
  // torchvision to_tensor (div(255) in f32), then normalize (sub_(mean), then div_(std)).
  const float scaled = value / 255.0f;
  const float centred = scaled - mean;
  return centred / std;
}

}  // namespace

Normalizer::Normalizer(const PreprocessSpec& spec) {
  for (std::size_t source = 0; source < 3; ++source) {
    const std::size_t c = spec.channels == ChannelOrder::kBgr ? 2 - source : source;
    result_channel_[source] = static_cast<std::int64_t>(c);
    for (std::size_t v = 0; v < 256; ++v) {
      table_[source][v] = normalized(v, spec.mean[c], spec.std[c], spec.rescale);
    }
  }
}

void Normalizer::row(const std::uint8_t* rgb, std::int64_t n, float* out,
                     std::int64_t plane) const {
  float* const red = out + result_channel_[0] * plane;
  float* const green = out + result_channel_[1] * plane;
  float* const blue = out + result_channel_[2] * plane;
  for (std::int64_t x = 0; x < n; ++x, rgb += 3) {
    red[x] = table_[0][rgb[0]];
    green[x] = table_[1][rgb[1]];
    blue[x] = table_[2][rgb[2]];
  }
}

}  // namespace glint
