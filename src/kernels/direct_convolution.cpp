#include "kernels/direct_convolution.h"

#include <algorithm>
#include <vector>

#include "core/call_memory.h"

namespace glint {
namespace {

// The pictures with their margins, as words.
struct Padded {
  std::int64_t height, width;  // pixels
  std::int64_t pixel;          // words of one
  CallMemory::Block words;     // [batch, height, width, pixel]
};

Padded pad(const float* pixels, const Windows& windows, const MatmulKernels& kernels) {
  const auto [height, width] = windows.size;
  const std::int64_t rows = height + 2 * windows.padding[0];
  const std::int64_t columns = width + 2 * windows.padding[1];
  const std::int64_t pixel = windows.channels / numbers_a_word(kernels.operands);
  Padded padded{
      .height = rows,
      .width = columns,
      .pixel = pixel,
      .words = CallMemory::take_for<std::uint32_t>(windows.batch * rows * columns * pixel)};
  const std::int64_t line = columns * pixel;
#pragma omp parallel for
  for (std::int64_t i = 0; i < windows.batch * rows; ++i) {
    std::uint32_t* words = padded.words.data<std::uint32_t>() + i * line;
    const std::int64_t row = i % rows - windows.padding[0];
    if (row < 0 || row >= height) {
      std::fill_n(words, line, 0U);
      continue;
    }
    const std::int64_t margin = windows.padding[1] * padded.pixel,
                       numbers = width * windows.channels;
    std::fill_n(words, margin, 0U);
    kernels.prepare(pixels + (i / rows * height + row) * numbers, numbers, nullptr, words + margin);
    std::fill_n(words + line - margin, margin, 0U);
  }
  return padded;
}

// Of every pixel of the padded pictures up to the last window's: where the window that begins there
// goes in y.
std::vector<std::int64_t> places_of(const Windows& windows, const Padded& padded,
                                    std::int64_t out) {
  const std::int64_t down = windows.positions(0), across = windows.positions(1);
  const std::int64_t rows =
      ((windows.batch - 1) * padded.height + down - 1) * padded.width + across;
  std::vector<std::int64_t> places(static_cast<std::size_t>(rows), -1);
  for (std::int64_t line = 0; line < windows.batch * down; ++line) {
    const std::int64_t first = (line / down * padded.height + line % down) * padded.width;
    for (std::int64_t i = 0; i < across; ++i) {
      places[static_cast<std::size_t>(first + i)] = (line * across + i) * out;
    }
  }
  return places;
}

}  // namespace

DirectConvolution::DirectConvolution(const float* weight, const float* bias, Pair kernel,
                                     std::int64_t channels, std::int64_t out,
                                     const MatmulKernels& kernels)
    : matmul_(weight, bias, kernel[0] * kernel[1] * channels, out, kernels) {}

bool DirectConvolution::takes(const MatmulKernels& kernels, Pair kernel, Pair stride,
                              std::int64_t channels) {
  const std::int64_t words = kernel[1] * channels / numbers_a_word(kernels.operands);
  return kernels.operands == Operands::kBf16 && kernels.part != 0 && kernel[0] * kernel[1] > 1 &&
         stride == Pair{1, 1} && channels % 2 == 0 && words % kernels.step == 0;
}

void DirectConvolution::run(const float* pixels, const Windows& windows, const MatmulSteps& steps,
                            float* y) const {
  const Padded padded = pad(pixels, windows, matmul_.kernels());
  const auto places = places_of(windows, padded, matmul_.out_features());
  matmul_.run({.words = padded.words.data<std::uint32_t>(),
               .rows = static_cast<std::int64_t>(places.size()),
               .stride = padded.pixel,
               .parts = windows.kernel[0],
               .pitch = padded.width * padded.pixel,
               .places = places.data()},
              steps, y);
}

}  // namespace glint
