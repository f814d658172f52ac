// One model, many threads: a server loads a package once and answers from all its threads.
//
//   example_04_threads PACKAGE IMAGE
//
// All const functions of a Model may run at the same time, and a call gives the same numbers
// however many others run beside it.
#include <glint/glint.h>

#include <cstdio>
#include <exception>
#include <thread>

namespace {

constexpr int kThreads = 4;

bool all_equal(const char* package, const char* path) {
  // With many callers, one core for each is faster than all cores for one after another.
  const auto model = glint::Model::load(package, {.threads = 1});
  const glint::Image image = glint::load_image(path);
  const glint::ImageView view = image;
  const glint::Embeddings alone = model.encode_images({&view, 1});

  std::vector<glint::Embeddings> together(kThreads);
  std::vector<std::exception_ptr> failures(kThreads);  // an exception must not leave a thread
  {
    std::vector<std::jthread> threads;  // joined at the end of this block
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        try {
          together[i] = model.encode_images({&view, 1});
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
  }
  int equal = 0;
  for (int i = 0; i < kThreads; ++i) {
    if (failures[i]) std::rethrow_exception(failures[i]);
    equal += together[i].values == alone.values ? 1 : 0;
  }
  std::printf("%d of %d threads got the numbers of a single call\n", equal, kThreads);
  return equal == kThreads;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) return std::fprintf(stderr, "usage: %s PACKAGE IMAGE\n", argv[0]), 2;
  return all_equal(argv[1], argv[2]) ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
