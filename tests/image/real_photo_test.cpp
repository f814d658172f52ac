// Seven photographs and the tensors that open_clip's ViT-B/32 preprocessing made of them.
#include <glint/preprocess.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "image/pictures.h"
#include "support/npy.h"

namespace glint::test {
namespace {

TEST(RealPhotoTest, PixelsEqualTheReferenceTensors) {
  const char* data = std::getenv("GLINT_SHARED_DATA");
  if (data == nullptr) GTEST_SKIP() << "GLINT_SHARED_DATA is not set";
  const Preprocessor preprocess({.width = 224,
                                 .height = 224,
                                 .mean = {0.48145466f, 0.4578275f, 0.40821073f},
                                 .std = {0.26862954f, 0.26130258f, 0.27577711f}});
  int compared = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(data) / "clip-retrieval")) {
    if (entry.path().extension() != ".jpg") continue;
    const auto expected =
        read_npy<float>(std::filesystem::path(entry.path()).replace_extension(".pixels.npy"));
    EXPECT_EQ(preprocess(load_image(entry.path())), expected.values) << entry.path();
    ++compared;
  }
  EXPECT_EQ(compared, 7);
}

}  // namespace
}  // namespace glint::test
