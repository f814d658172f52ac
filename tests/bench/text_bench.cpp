// Texts to ids.
#include <benchmark/benchmark.h>

#include "bench_package.h"
#include "cli/drawn.h"

namespace glint::bench {
namespace {

using cli::drawn_prompts;

void tokenize_prompts(benchmark::State& state) {
  const Tokenizer tokenizer = model().tokenizer();
  const std::vector<std::string> prompts = drawn_prompts(1000);
  for (auto round : state) {
    for (const std::string& prompt : prompts) benchmark::DoNotOptimize(tokenizer.encode(prompt));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(prompts.size()));
}
BENCHMARK(tokenize_prompts)->Unit(benchmark::kMicrosecond);

// All of a long text is cleaned and split, whatever the context keeps of it.
void tokenize_long_text(benchmark::State& state) {
  const Tokenizer tokenizer = model().tokenizer();
  std::string text;
  for (const std::string& prompt : drawn_prompts(2000)) text += prompt + " ";
  for (auto round : state) benchmark::DoNotOptimize(tokenizer.encode(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(tokenize_long_text)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace glint::bench
