#include <algorithm>
#include <cmath>
#include <new>
#include <optional>

#include "core/check.h"
#include "image/convert.h"
#include "image/view.h"
#include "segmentation/canvas.h"
#include "segmentation/check.h"
#include "segmentation/legend.h"

namespace glint {
namespace {

void check_overlay(const ImageView& image, const Segmentation& segmentation,
                   const OverlayOptions& options) {
  check_view(image);
  check_segmentation(segmentation);
  if (image.width != segmentation.width || image.height != segmentation.height) {
    fail(ErrorCode::kInvalidArgument, "expected the picture that was labelled, ",
         segmentation.width, " x ", segmentation.height, ", got ", image.width, " x ",
         image.height);
  }
  if (!(options.opacity >= 0 && options.opacity <= 1)) {
    fail(ErrorCode::kInvalidArgument, "opacity: expected a number from 0 to 1, got ",
         options.opacity);
  }
}

// Whether a pixel at most `reach` to the left, right, above or below has another label.
bool is_border(const Segmentation& segmentation, std::int64_t x, std::int64_t y,
               std::int64_t reach) {
  const auto at = [&](std::int64_t column, std::int64_t row) {
    return segmentation.map[static_cast<std::size_t>(row * segmentation.width + column)];
  };
  const std::int32_t own = at(x, y);
  return at(std::max<std::int64_t>(x - reach, 0), y) != own ||
         at(std::min(x + reach, segmentation.width - 1), y) != own ||
         at(x, std::max<std::int64_t>(y - reach, 0)) != own ||
         at(x, std::min(y + reach, segmentation.height - 1)) != own;
}

std::uint8_t blended(std::uint8_t below, std::uint8_t above, double opacity) {
  return static_cast<std::uint8_t>(std::lround((1 - opacity) * below + opacity * above));
}

}  // namespace

Image overlay(const ImageView& image, const Segmentation& segmentation,
              const OverlayOptions& options) try {
  check_overlay(image, segmentation, options);
  const std::vector<Colour> colours = palette(std::ssize(segmentation.labels));
  std::optional<Legend> legend;
  if (options.legend) legend.emplace(segmentation, colours, options.plain);
  Canvas canvas(legend ? legend->width() : image.width,
                image.height + (legend ? legend->height() : 0));
  const std::int64_t reach = 1 + std::min(image.width, image.height) / 640;
  const PixelReader reader(image, RowForm::kRgb);
  std::vector<std::uint8_t> scratch;
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::uint8_t* to = canvas.row(y);
    std::copy_n(reader.read(0, image.width, y, y + 1, scratch).data, 3 * image.width, to);
    for (std::int64_t x = 0; x < image.width; ++x, to += 3) {
      const std::int32_t k = segmentation.map[static_cast<std::size_t>(y * image.width + x)];
      if (k == Segmentation::kNone) continue;
      const auto label = static_cast<std::size_t>(k);
      if (segmentation.labels[label] == options.plain) continue;
      const bool line = options.contours && is_border(segmentation, x, y, reach);
      for (std::size_t c = 0; c < 3; ++c) {
        to[c] = blended(to[c], colours[label][c], line ? 1 : options.opacity);
      }
    }
  }
  if (legend) legend->draw(canvas, image.height);
  return std::move(canvas).take();
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "expected memory to draw ", image.width, " x ", image.height,
       " pixels, got none");
}

}  // namespace glint
