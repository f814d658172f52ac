// The parts of the library by hand: what Model does inside, for programs that want only a piece.
//
//   example_03_parts PACKAGE IMAGE TEXT
//
// Decoding, pixels and token ids need no neural network, and equal the Python references bit for
// bit: use them to feed a runtime of your own.
#include <glint/glint.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>

namespace {

std::vector<char> read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void show_parts(const char* package_path, const char* image_path, const char* text) {
  // A package is verified bytes and a manifest. Every constant below comes from it.
  const auto package = glint::Package::open(package_path);
  const glint::Manifest& manifest = package.manifest();

  // Bytes -> a picture in its own mode (grey, RGB, palette ...). They may come from anywhere.
  const auto bytes = read(image_path);
  const glint::Image image = glint::decode_image(std::as_bytes(std::span(bytes)));
  std::printf("picture  %d x %d\n", int(image.width()), int(image.height()));

  // A picture -> resized, cropped, normalised: f32 [3, H, W].
  const std::string& name = manifest.tasks.at("classify").preprocess;
  const glint::Preprocessor preprocess(manifest.preprocess.at(name));
  const std::vector<float> pixels = preprocess(image);
  std::printf("pixels   %zu, the first is %.4f\n", pixels.size(), pixels.front());

  // A text -> token ids, start and end included.
  const auto tokenizer =
      glint::Tokenizer::clip_bpe(manifest.tokenizer.value(), package.file(manifest.merges_file));
  std::printf("ids     ");
  for (const auto id : tokenizer.encode(text)) std::printf(" %lld", static_cast<long long>(id));
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return std::fprintf(stderr, "usage: %s PACKAGE IMAGE TEXT\n", argv[0]), 2;
  show_parts(argv[1], argv[2], argv[3]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
