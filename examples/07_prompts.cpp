// Learned prompts (CoOp, CoCoOp, MaPLe) on words that they were not learned with: the list of labels
// grows while the program runs, and the picture is encoded once.
//
//   example_07_prompts PACKAGE TASK IMAGE LABEL...
#include <glint/glint.h>

#include <cstdio>
#include <exception>

namespace {

void classify(const char* package, const char* task, const char* file,
              const std::vector<std::string>& labels) {
  const auto model = glint::Model::load(package);
  glint::PredictOptions options;
  options.task = task;
  const auto picture = glint::load_image(file);
  const glint::ImageState image = model.encode(picture, options);
  for (std::size_t count = 1; count <= labels.size(); ++count) {
    const std::vector<std::string> known(labels.begin(),
                                         labels.begin() + static_cast<std::ptrdiff_t>(count));
    const auto words = model.prepare(known, {}, task);
    // CoOp and MaPLe make embeddings of words, which serve every picture and can be kept in a file;
    // with CoCoOp the words wait for the picture.
    const bool bank = std::holds_alternative<glint::ClassBank>(words);
    const auto answer = model.predict(image, words, options);
    const auto& best = std::get<glint::Classification>(answer).scores.front();
    std::printf("of %zu %s: %6.2f%%  %s\n", count, bank ? "embeddings" : "prompts",
                100.0 * best.probability, best.label.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s PACKAGE TASK IMAGE LABEL...\n", argv[0]);
    return 2;
  }
  try {
    classify(argv[1], argv[2], argv[3], {argv + 4, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
