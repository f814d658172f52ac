// How alike are two pictures, and how well does a text describe them?
//
//   example_01_embed PACKAGE IMAGE IMAGE TEXT
//
// A model of the CLIP family turns pictures and texts into points of one space. Things that belong
// together lie in the same direction, so the cosine of the angle between two points says how alike
// they are: 1 is the same, 0 is unrelated.
#include <glint/glint.h>

#include <cstdio>
#include <exception>
#include <numeric>

namespace {

// The rows of Embeddings have length 1, so their dot product is the cosine.
float cosine(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

void compare(const char* package, const char* first, const char* second, const char* text) {
  const auto model = glint::Model::load(package);

  // Views borrow the pixels, so the images they come from must outlive them.
  const std::vector<glint::Image> images{glint::load_image(first), glint::load_image(second)};
  const std::vector<glint::ImageView> views(images.begin(), images.end());
  const std::vector<std::string> texts{text};

  // One call takes any number of pictures or texts and keeps their order.
  const glint::Embeddings pictures = model.encode_images(views);
  const glint::Embeddings words = model.encode_texts(texts);

  std::printf("first and second picture  %.4f\n", cosine(pictures.row(0), pictures.row(1)));
  std::printf("first picture and text    %.4f\n", cosine(pictures.row(0), words.row(0)));
  std::printf("second picture and text   %.4f\n", cosine(pictures.row(1), words.row(0)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s PACKAGE IMAGE IMAGE TEXT\n", argv[0]);
    return 2;
  }
  try {
    compare(argv[1], argv[2], argv[3], argv[4]);
    return 0;
  } catch (const std::exception& error) {  // glint throws glint::Error and nothing else
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
