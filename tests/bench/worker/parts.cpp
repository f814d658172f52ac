#include <glint/index.h>

#include <algorithm>

#include "works.h"

namespace worker {

// Texts, one a line -> ids of each, filled up with zeros to the context length.
Work tokenize(const Json& job) {
  Work work;
  const auto texts = read_lines(job.at("input"));
  const auto package = glint::Package::open(job.at("package"));
  const auto tokenizer = glint::Tokenizer::clip_bpe(package.manifest().tokenizer.value(),
                                                    package.file(package.manifest().merges_file));
  const auto context = static_cast<std::size_t>(tokenizer.spec().context_length);
  work.call = [texts, tokenizer, context, out = work.result] {
    out->ints.assign(texts.size() * context, 0);
    auto row = out->ints.begin();
    for (const std::string& text : texts) {
      std::ranges::copy(tokenizer.encode(text), row);
      row += static_cast<std::ptrdiff_t>(context);
    }
  };
  return work;
}

// Positions of the k best rows for each query.
Work search(const Json& job) {
  Work work;
  const std::int64_t dim = job.at("dim"), k = job.at("k");
  const auto storage =
      job.value("storage", "") == "f32" ? glint::IndexStorage::kF32 : glint::IndexStorage::kInt8;
  const auto index = glint::Index::build(read_npy<float>(job.at("rows")), dim, storage);
  glint::SearchOptions options;
  options.threads = job.at("threads");
  work.call = [index, queries = read_npy<float>(job.at("queries")), k, options, out = work.result] {
    out->ints.clear();
    for (const glint::Hit& hit : index.search(queries, k, options).hits) {
      out->ints.push_back(hit.index);
    }
  };
  return work;
}

// alpha, beta and accuracy of a Tip-Adapter cache on labelled pictures, words included.
Work tune(const Json& job) {
  Work work;
  const auto words = read_npy<float>(job.at("words"));
  glint::adapt::Cache cache;
  cache.keys = read_npy<float>(job.at("keys"));
  cache.classes = read_npy<std::int64_t>(job.at("key_classes"));
  cache.embed_dim = static_cast<std::int64_t>(cache.keys.size() / cache.classes.size());
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(words.size()) / cache.embed_dim; ++k) {
    cache.labels.push_back("class " + std::to_string(k));
  }
  glint::adapt::Features pictures;
  pictures.labels = cache.labels;
  pictures.embed_dim = cache.embed_dim;
  pictures.values = read_npy<float>(job.at("features"));
  pictures.classes = read_npy<std::int64_t>(job.at("classes"));
  pictures.logits.resize(pictures.classes.size() * cache.labels.size());
  const int threads = job.at("threads");
  work.call = [cache, pictures, words, threads, out = work.result]() mutable {
    glint::dot_matrix(pictures.values, words, cache.embed_dim, pictures.logits);
    for (float& value : pictures.logits) value *= 100;
    const auto best = glint::adapt::search(cache, pictures, {.threads = threads});
    out->floats = {static_cast<float>(best.alpha), static_cast<float>(best.beta),
                   static_cast<float>(best.accuracy)};
  };
  return work;
}

}  // namespace worker
