// Files to pictures, pictures to pixels.
#include <benchmark/benchmark.h>
#include <glint/image.h>
#include <glint/preprocess.h>

#include "cli/drawn.h"
#include "files.h"

namespace glint::bench {
namespace {

using cli::drawn_picture;

// The pictures that the benchmarks take: a photograph of a data set, a video frame, a camera's.
struct PictureSize {
  const char* name;
  std::int64_t width;
  std::int64_t height;
};
constexpr PictureSize kPictureSizes[] = {
    {"500x375", 500, 375}, {"1920x1080", 1920, 1080}, {"4000x3000", 4000, 3000}};

const PictureSize& size_of(benchmark::State& state) {
  const PictureSize& size = kPictureSizes[state.range(0)];
  state.SetLabel(size.name);
  return size;
}

void decode(benchmark::State& state, std::vector<std::byte> (*encode)(const Image&)) {
  const PictureSize& size = size_of(state);
  const std::vector<std::byte> file = encode(drawn_picture(size.width, size.height));
  for (auto round : state) benchmark::DoNotOptimize(decode_image(file));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(decode, jpeg, as_jpeg)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, png, as_png)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

// As openai/CLIP and open_clip preprocess for 224 pixels a side.
PreprocessSpec clip_224() {
  PreprocessSpec spec;
  spec.width = spec.height = 224;
  spec.mean = {0.48145466F, 0.4578275F, 0.40821073F};
  spec.std = {0.26862954F, 0.26130258F, 0.27577711F};
  return spec;
}

void preprocess(benchmark::State& state) {
  const PictureSize& size = size_of(state);
  const Image picture = drawn_picture(size.width, size.height);
  const Preprocessor preprocessor(clip_224());
  std::vector<float> pixels(static_cast<std::size_t>(preprocessor.size()));
  for (auto round : state) {
    preprocessor(picture, pixels);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(preprocess)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glint::bench
