// Which of these words does each pixel show? Three lines, and a picture of the answer.
//
//   example_09_segment PACKAGE IMAGE OUT.png LABEL...
#include <glint/glint.h>

#include <cstdio>
#include <exception>
#include <fstream>

namespace {

void segment(const char* package, const char* file, const char* output,
             const std::vector<std::string>& words) {
  const auto model = glint::Model::load(package);
  const auto image = glint::load_image(file);
  const auto labels = model.prepare(words, {}, "segment");  // once, for any number of pictures
  const auto answer = model.predict(image, labels, {.task = "segment"});

  const auto& segmentation = std::get<glint::Segmentation>(answer);
  const auto fractions = glint::label_fractions(segmentation);
  for (std::size_t k = 0; k < fractions.size(); ++k) {
    std::printf("%6.2f%%  %s\n", 100 * fractions[k], segmentation.labels[k].c_str());
  }

  const auto png = glint::encode_png(glint::overlay(image, segmentation));
  std::ofstream picture(output, std::ios::binary);
  picture.write(reinterpret_cast<const char*>(png.data()), std::ssize(png));
  if (!picture.flush()) throw std::runtime_error(std::string("cannot write ") + output);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s PACKAGE IMAGE OUT.png LABEL...\n", argv[0]);
    return 2;
  }
  try {
    segment(argv[1], argv[2], argv[3], {argv + 4, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
