// Which pictures show what a text says? Search by words, and exactly.
//
//   example_05_search PACKAGE INDEX TEXT IMAGE...
//
// The embeddings of the pictures go into an index file. Later, and in any other program, the file
// is mapped into memory (nothing is read before it is needed) and asked for the rows that are
// nearest to an embedding: a text's here, but a picture's would do as well.
#include <glint/glint.h>

#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <vector>

namespace {

// Row i of the index belongs to picture i. Pictures come one at a time, so any number fits.
void write_index(const glint::Model& model, const char* path, std::span<char* const> images) {
  glint::IndexWriter writer(path, static_cast<std::int64_t>(images.size()),
                            model.manifest().embed_dim, glint::IndexStorage::kInt8);
  for (const char* name : images) {
    const glint::Image image = glint::load_image(name);
    const std::vector<glint::ImageView> view{image.view()};
    writer.add(model.encode_images(view).values);
  }
  writer.finish();  // until here there is no file
}

void search(const glint::Model& model, const char* path, const char* text,
            std::span<char* const> images) {
  const auto index = glint::Index::open(path);
  const std::vector<std::string> texts{text};
  const glint::SearchResult result = index.search(model.encode_texts(texts).values, 3);
  for (const glint::Hit& hit : result.row(0)) {
    std::printf("%7.4f  %s\n", hit.score, images[static_cast<std::size_t>(hit.index)]);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return std::fprintf(stderr, "usage: %s PACKAGE INDEX TEXT IMAGE...\n", argv[0]), 2;
  const auto model = glint::Model::load(argv[1]);
  const auto images = std::span(argv, static_cast<std::size_t>(argc)).subspan(4);
  write_index(model, argv[2], images);
  search(model, argv[2], argv[3], images);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
