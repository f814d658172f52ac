#include "works.h"

namespace worker {

// A class bank of 1,000 rows from its file, checked against the model.
Work load_bank(const Json& job) {
  Work work;
  const auto model = load(job);
  const std::int64_t dim = model.manifest().embed_dim;
  glint::ClassBank bank;
  for (int k = 0; k < 1000; ++k) bank.labels.push_back("class " + std::to_string(k));
  const std::vector<float> rows(static_cast<std::size_t>(1000 * dim), 0.5F);
  bank.rows = glint::Tensor::from({1000, dim}, rows);
  bank.source = model.bank_source();
  const std::string path = job.at("bank");
  glint::save_class_bank(bank, path);
  work.call = [model, path, out = work.result] {
    const auto loaded = glint::load_class_bank(path);
    model.check_bank(loaded);
    keep(loaded.rows, *out);
  };
  return work;
}

// pixels [B, 3, H, W] f32 -> logits of the package's classes, whose words are prepared before.
Work classify(const Json& job) {
  Work work;
  const auto shape = job.at("shape").get<std::vector<std::int64_t>>();
  const auto pixels = glint::Tensor::from(shape, read_npy<float>(job.at("input")));
  const auto model = load(job);
  glint::PredictOptions options;
  options.top_k = 0;
  work.call = [model, pixels, options, text = model.prepare(), out = work.result] {
    out->floats.clear();
    for (const auto& state : model.encode_pixels(pixels, options)) {
      const auto answer = model.predict(state, text, options);
      const auto& scores = std::get<glint::Classification>(answer).scores;
      const std::size_t start = out->floats.size();
      out->floats.resize(start + scores.size());
      for (const auto& score : scores) {
        out->floats[start + static_cast<std::size_t>(score.index)] = score.logit;
      }
    }
  };
  return work;
}

}  // namespace worker
