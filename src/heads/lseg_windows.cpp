#include "heads/lseg_windows.h"

#include <glint/preprocess.h>

#include <algorithm>

#include "core/check.h"
#include "heads/lseg_band.h"
#include "heads/lseg_draw.h"

namespace glint {
namespace {

// Two windows of the released models keep a tower busy; its decoder takes a gigabyte for them.
constexpr std::int64_t kPixelsACall = std::int64_t{1} << 19;

struct Place {
  std::int64_t top, left;
};

// One scale of a picture.
class Frame {
 public:
  Frame(std::vector<float> pixels, PlaneSize size, const LsegRule& rule)
      : pixels_(std::move(pixels)), size_(size), rule_(rule) {}

  // A window, padded at the right and the bottom where it hangs over; then, if asked for, mirrored.
  void append(Place place, std::vector<float>& to) const {
    const auto side = static_cast<std::size_t>(rule_.crop_size);
    const std::size_t begin = to.size();
    to.resize(begin + 3 * side * side, rule_.pad);
    const std::int64_t height = std::min(rule_.crop_size, size_.height - place.top);
    const std::int64_t width = std::min(rule_.crop_size, size_.width - place.left);
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t y = 0; y < height; ++y) {
        const float* const from =
            pixels_.data() + (c * size_.height + place.top + y) * size_.width + place.left;
        std::copy_n(from, width, to.data() + begin + (c * rule_.crop_size + y) * rule_.crop_size);
      }
    }
    if (!rule_.flip) return;
    to.resize(begin + 6 * side * side);
    for (std::size_t row = 0; row < 3 * side; ++row) {
      const float* const from = to.data() + begin + row * side;
      std::reverse_copy(from, from + side, to.data() + begin + (3 * side + row) * side);
    }
  }

 private:
  std::vector<float> pixels_;  // [3, size_]
  PlaneSize size_;
  const LsegRule& rule_;
};

// A picture on its way through the tower, window by window.
class Walk {
 public:
  Walk(const LsegRule& rule, const LsegWords& words, const LsegBlock& block, const Towers& towers,
       const PredictOptions& options, std::int64_t total)
      : rule_(rule),
        words_(words),
        block_(block),
        towers_(towers),
        options_(options),
        total_(total),
        batch_(std::clamp<std::int64_t>(kPixelsACall / (rule.crop_size * rule.crop_size), 1,
                                        towers.max_batch())) {}

  void run(const Frame& frame, LsegBand& band) {
    for (std::size_t row = 0; row < band.tops().size(); ++row) {
      std::vector<Place> waiting;
      for (const std::int64_t left : band.lefts()) {
        waiting.push_back({band.tops()[row], left});
        if (std::ssize(waiting) * views() >= batch_) flush(frame, band, waiting);
      }
      flush(frame, band, waiting);
      band.finish_row(row);
    }
  }

 private:
  std::int64_t views() const { return rule_.flip ? 2 : 1; }

  void flush(const Frame& frame, LsegBand& band, std::vector<Place>& places) {
    if (places.empty()) return;
    check_stop(options_.stop);
    std::vector<float> pixels;
    for (const Place place : places) frame.append(place, pixels);
    const std::int64_t count = views() * std::ssize(places), side = rule_.crop_size;
    const Tensor all = Tensor::from({count, 3, side, side}, pixels);
    for (std::int64_t i = 0; i < count; i += batch_) {
      const std::int64_t end = std::min(i + batch_, count);
      const Tensor maps = maps_of(all.slice(i, end), towers_);
      for (std::int64_t j = i; j < end; ++j) {
        add(map_at(maps, j - i), places[static_cast<std::size_t>(j / views())], j % views() == 1,
            band);
      }
    }
    done_ += std::ssize(places);
    if (options_.progress) options_.progress(done_, total_);
    places.clear();
  }

  void add(const PixelMap& map, Place place, bool mirrored, LsegBand& band) const {
    const PlaneSize part = band.part(place.top, place.left);
    add_logits({map, words_, block_}, doubled_taps(map.height, part.height),
               doubled_taps(map.width, part.width, mirrored), options_.stop,
               band.rows_at(place.top, place.left));
  }

  const LsegRule& rule_;
  const LsegWords& words_;
  const LsegBlock& block_;
  const Towers& towers_;
  const PredictOptions& options_;
  std::int64_t total_;
  std::int64_t batch_;  // windows and mirrored windows that the tower gets at once
  std::int64_t done_ = 0;
};

}  // namespace

Tensor maps_of(const Tensor& pixels, const Towers& towers) {
  const Tensor map = towers.call("image", "forward", {{"pixels", pixels}}).at("map").cpu();
  const std::int64_t dim = towers.manifest().embed_dim;
  if (map.dim(1) != dim || 2 * map.dim(2) != pixels.dim(2) || 2 * map.dim(3) != pixels.dim(3)) {
    fail(ErrorCode::kCorruptPackage, "expected of image.forward a map [B, ", dim,
         ", H / 2, W / 2] for pixels ", shape_text(pixels.shape()), ", got ",
         shape_text(map.shape()));
  }
  return map;
}

PixelMap map_at(const Tensor& maps, std::int64_t i) {
  const auto size = static_cast<std::size_t>(maps.dim(1) * maps.dim(2) * maps.dim(3));
  return {.values = maps.floats().subspan(static_cast<std::size_t>(i) * size, size),
          .dim = maps.dim(1),
          .height = maps.dim(2),
          .width = maps.dim(3)};
}

std::vector<float> sum_of_windows(const ImageView& image, const PreprocessSpec& preprocess,
                                  const LsegRule& rule, const LsegWords& words,
                                  const LsegBlock& block, const Towers& towers,
                                  const PredictOptions& options) {
  const PlaneSize picture{.height = image.height, .width = image.width};
  std::vector<float> sums(static_cast<std::size_t>(words.labels() * image.height * image.width));
  Walk walk(rule, words, block, towers, options, count_windows(rule, image.width, image.height));
  for (const double scale : rule.scales) {
    const PlaneSize size = scaled_frame(rule, scale, image.width, image.height);
    PreprocessSpec spec = preprocess;
    spec.height = size.height;
    spec.width = size.width;
    const Frame frame(Preprocessor(spec)(image), size, rule);
    LsegBand band(rule, size, picture, words.labels(), sums);
    walk.run(frame, band);
  }
  return sums;
}

}  // namespace glint
