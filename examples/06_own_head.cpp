// A head of one's own: how far does each label stand out from the average one? Several may fit.
//   example_06_own_head PACKAGE IMAGE LABEL...
#include <glint/glint.h>

#include <cmath>
#include <cstdio>

using namespace glint;

// A package can name such a head as its own: see ModelOptions::heads.
class MarginHead final : public Head {
 public:
  TextState prepare(const TextQuery& query, const Towers& towers) const override {
    return make_class_bank(query, {"a photo of {}."}, towers);
  }
  std::vector<ImageState> encode(std::span<const ImageView> images, const Towers& towers,
                                 const PredictOptions&) const override {
    const Tensor rows = towers.image(towers.pixels(images, "default")).cpu();
    std::vector<ImageState> states(images.size());
    for (std::int64_t i = 0; i < rows.dim(0); ++i) {
      states[static_cast<std::size_t>(i)].embedding = rows.slice(i, i + 1);
    }
    return states;
  }
  Prediction predict(const ImageState& image, const TextState& text, const Towers& towers,
                     const PredictOptions&) const override {
    const ClassBank& bank = class_bank_of(text, towers.manifest().embed_dim);
    std::vector<float> unit(image.embedding.floats().begin(), image.embedding.floats().end());
    normalize_rows(unit, bank.rows.dim(1));
    std::vector<float> cosines(bank.labels.size());
    dot_matrix(unit, bank.rows.floats(), bank.rows.dim(1), cosines);
    double mean = 0;
    for (const float cosine : cosines) mean += cosine / static_cast<double>(cosines.size());
    Classification answer;
    for (std::size_t k = 0; k < cosines.size(); ++k) {
      const double logit = towers.manifest().logit.scale * (cosines[k] - mean);
      answer.scores.push_back({bank.labels[k], static_cast<std::int64_t>(k),
                               static_cast<float>(1 / (1 + std::exp(-logit))),
                               static_cast<float>(logit)});
    }
    return answer;
  }
};

int main(int argc, char** argv) try {
  if (argc < 4) return std::fprintf(stderr, "usage: %s PACKAGE IMAGE LABEL...\n", argv[0]), 2;
  const auto model = Model::load(argv[1]);
  const MarginHead head;
  const auto text = head.prepare({.labels = {argv + 3, argv + argc}}, model.towers());
  const Image picture = load_image(argv[2]);
  const ImageView view = picture;
  const auto answer =
      head.predict(head.encode({&view, 1}, model.towers(), {}).front(), text, model.towers(), {});
  for (const ClassScore& score : std::get<Classification>(answer).scores) {
    std::printf("%6.2f%%  %s\n", 100.0 * score.probability, score.label.c_str());
  }
} catch (const std::exception& error) {
  return std::fprintf(stderr, "error: %s\n", error.what()), 1;
}
