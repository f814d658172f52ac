#include <span>

#include "works.h"

namespace worker {
namespace {

// [K, dim] f32; of no model, so that every model takes it.
glint::ClassBank bank_of(const std::vector<float>& rows, std::int64_t dim) {
  glint::ClassBank bank;
  const auto count = static_cast<std::int64_t>(rows.size()) / dim;
  for (std::int64_t k = 0; k < count; ++k) bank.labels.push_back("class " + std::to_string(k));
  bank.rows = glint::Tensor::from({count, dim}, rows);
  return bank;
}

}  // namespace

// A class bank of 1,000 rows from its file, checked against the model.
Work load_bank(const Json& job) {
  Work work;
  const auto model = load(job);
  const std::int64_t dim = model.manifest().embed_dim;
  auto bank = bank_of(std::vector<float>(static_cast<std::size_t>(1000 * dim), 0.5F), dim);
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

// A JPEG file's bytes, for each picture of a batch -> the positions of its five best classes, whose
// rows are ready.
Work photo(const Json& job) {
  Work work;
  const auto model = load(job);
  const glint::TextState text =
      bank_of(read_npy<float>(job.at("classes")), model.manifest().embed_dim);
  const std::size_t batch = job.at("shape").at(0);
  work.call = [model, text, batch, file = read_file(job.at("photo")), out = work.result] {
    std::vector<glint::Image> pictures;
    for (std::size_t i = 0; i < batch; ++i) {
      pictures.push_back(glint::decode_image(std::as_bytes(std::span(file))));
    }
    const std::vector<glint::ImageView> views(pictures.begin(), pictures.end());
    out->ints.clear();
    for (const auto& answer : model.predict(views, text, {.top_k = 5})) {
      for (const auto& score : std::get<glint::Classification>(answer).scores) {
        out->ints.push_back(score.index);
      }
    }
  };
  return work;
}

}  // namespace worker
