// Towers, a whole classification, loading.
#include <benchmark/benchmark.h>
#include <glint/towers.h>

#include "bench_package.h"
#include "cli/drawn.h"

namespace glint::bench {
namespace {

using cli::drawn_floats;
using cli::drawn_ids;
using cli::drawn_picture;
using cli::drawn_prompts;

constexpr std::int64_t kPromptIds = 10;  // as "a photo of a golden retriever." has

void encode_image(benchmark::State& state) {
  const Preprocessor preprocessor = model().preprocessor();
  const PreprocessSpec& spec = preprocessor.spec();
  const std::int64_t batch = state.range(0);
  const Tensor pixels =
      Tensor::from({batch, 3, spec.height, spec.width}, drawn_floats(batch * preprocessor.size()));
  for (auto round : state) benchmark::DoNotOptimize(model().towers().image(pixels));
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(encode_image)->ArgName("B")->Arg(1)->Arg(8)->UseRealTime()->Unit(benchmark::kMillisecond);

void encode_text(benchmark::State& state) {
  const Tokenizer tokenizer = model().tokenizer();
  const TokenizerSpec& spec = tokenizer.spec();
  const std::int64_t batch = state.range(0);
  const std::int64_t length = std::min(kPromptIds, spec.context_length);
  std::vector<std::int64_t> ids;
  for (std::int64_t row = 0; row < batch; ++row) {
    const auto drawn = drawn_ids(length, spec.start_id, spec.end_id);
    ids.insert(ids.end(), drawn.begin(), drawn.end());
  }
  const TextInput input{.ids = Tensor::from({batch, length}, ids)};
  for (auto round : state) benchmark::DoNotOptimize(model().towers().text(input));
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(encode_text)->ArgName("B")->Arg(1)->Arg(8)->UseRealTime()->Unit(benchmark::kMillisecond);

// A decoded picture of 500 x 375 to the best of K labels.
void classify(benchmark::State& state) {
  const Image picture = drawn_picture(500, 375);
  const TextState labels = model().prepare(drawn_prompts(state.range(0)), {"{}"});
  for (auto round : state) benchmark::DoNotOptimize(model().predict(picture, labels));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(classify)->ArgName("K")->Arg(10)->Arg(100)->UseRealTime()->Unit(benchmark::kMillisecond);

void load(benchmark::State& state) {
  for (auto round : state) benchmark::DoNotOptimize(Model::load(package_path()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(load)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace glint::bench
