// Which of these words fits the picture best? Three lines, for words that no one trained on.
//
//   example_02_zero_shot PACKAGE IMAGE LABEL...
#include <glint/glint.h>

#include <cstdio>
#include <exception>

namespace {

void classify(const char* package, const char* image, const std::vector<std::string>& words) {
  const auto model = glint::Model::load(package);
  const auto labels = model.prepare(words);  // once, for any number of pictures
  const auto answer = model.predict(glint::load_image(image), labels);

  // A package decides what it answers with; one made for classification gives this:
  const auto& classification = std::get<glint::Classification>(answer);
  for (const glint::ClassScore& score : classification.scores) {  // the best five, best first
    std::printf("%6.2f%%  %s\n", 100.0 * score.probability, score.label.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s PACKAGE IMAGE LABEL...\n", argv[0]);
    return 2;
  }
  try {
    classify(argv[1], argv[2], {argv + 3, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
