#include "works.h"

namespace worker {
namespace {

void keep(const glint::Prediction& prediction, Result& result) {
  const auto& map = std::get<glint::Segmentation>(prediction).map;
  result.ints.assign(map.begin(), map.end());
}

}  // namespace

// pixels [1, 3, H, W] f32 -> labels, whose words are prepared before; with `head_alone`, the image
// tower's part, too.
Work segment(const Json& job, bool head_alone) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  const auto model = load(job);
  const auto text = model.prepare(read_lines(job.at("labels")));
  if (head_alone) {
    work.call = [model, text, state = model.encode_pixels(pixels).front(), out = work.result] {
      keep(model.predict(state, text), *out);
    };
    return work;
  }
  work.call = [model, text, pixels, out = work.result] {
    keep(model.predict(model.encode_pixels(pixels).front(), text), *out);
  };
  return work;
}

// RGB [H, W, 3] u8 and labels -> labels by the official protocol.
Work segment_official(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto picture = std::make_shared<glint::Image>(
      shape.at(1), shape.at(0), glint::PixelMode::kRGB, read_npy<std::uint8_t>(job.at("input")));
  glint::PredictOptions options;
  options.protocol = glint::Protocol::kOfficial;
  work.call = [model = load(job), labels = read_lines(job.at("labels")), picture, options,
               out = work.result] {
    keep(model.predict(*picture, model.prepare(labels), options), *out);
  };
  return work;
}

}  // namespace worker
