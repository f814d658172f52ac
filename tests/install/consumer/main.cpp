// A program that knows glint only by find_package(glint).
#include <glint/glint.h>

#include <cstdio>
#include <variant>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const auto model = glint::Model::load(argv[1]);
  const auto labels = model.prepare({"cat", "dog", "truck"});
  const auto answer = model.predict(glint::load_image(argv[2]), labels);
  const auto& best = std::get<glint::Classification>(answer).scores.front();
  std::printf("%s %.3f\n", best.label.c_str(), best.probability);
} catch (const glint::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
