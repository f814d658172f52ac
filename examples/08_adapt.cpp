// Classes of your own from a few pictures of each (Tip-Adapter), in a package of a few kilobytes.
//
//   example_08_adapt PACKAGE SHOTS OUT.glint IMAGE        SHOTS/CLASS/*.jpg
#include <glint/glint.h>

#include <cstdio>
#include <exception>

namespace {

void adapt(const char* package, const char* folder, const char* output, const char* file) {
  glint::adapt::check_output(output, true);
  const auto model = glint::Model::load(package);
  const auto shots = glint::adapt::read_labelled(folder);
  // Every picture is seen as it is and mirrored; what a cache keeps is the mean.
  const auto seen = glint::adapt::encode(model, shots, {.views = glint::adapt::Views::kFlip});
  const auto cache = glint::adapt::build_cache(seen);
  const auto made = glint::adapt::with_cache(model, cache, {.name = "adapted"});
  glint::adapt::write_package(made, output, true);  // opened where its base is found, too
  std::printf("%zu pictures of %zu classes -> %s\n", cache.classes.size(), cache.labels.size(),
              output);

  // The new package lies in memory already.
  const auto adapted = glint::Model::load(made);
  const auto answer = adapted.predict(glint::load_image(file), adapted.prepare());
  for (const auto& score : std::get<glint::Classification>(answer).scores) {
    std::printf("%6.2f%%  %s\n", 100.0 * score.probability, score.label.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s PACKAGE SHOTS OUT.glint IMAGE\n", argv[0]);
    return 2;
  }
  try {
    adapt(argv[1], argv[2], argv[3], argv[4]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
