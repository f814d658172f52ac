// Which of these words does each pixel show? Three lines, and a file with the answer.
//
//   example_09_segment PACKAGE IMAGE OUT.png LABEL...
#include <glint/glint.h>

#include <cstdio>
#include <exception>
#include <fstream>

namespace {

void segment(const char* package, const char* image, const char* output,
             const std::vector<std::string>& words) {
  const auto model = glint::Model::load(package);
  const auto labels = model.prepare(words, {}, "segment");  // once, for any number of pictures
  const auto answer = model.predict(glint::load_image(image), labels, {.task = "segment"});

  const auto& segmentation = std::get<glint::Segmentation>(answer);
  std::vector<std::int64_t> counts(segmentation.labels.size());
  for (const std::int32_t label : segmentation.map) ++counts.at(static_cast<std::size_t>(label));
  for (std::size_t k = 0; k < counts.size(); ++k) {
    std::printf(
        "%6.2f%%  %s\n",
        100.0 * static_cast<double>(counts[k]) / static_cast<double>(segmentation.map.size()),
        segmentation.labels[k].c_str());
  }

  // A grey PNG: the value of each pixel is the index of its label.
  const auto png = glint::encode_label_map(segmentation);
  std::ofstream file(output, std::ios::binary);
  file.write(reinterpret_cast<const char*>(png.data()), std::ssize(png));
  if (!file.flush()) throw std::runtime_error(std::string("cannot write ") + output);
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
