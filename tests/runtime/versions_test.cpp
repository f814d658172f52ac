#include <glint/version.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

namespace glint {
namespace {

std::string version_of(const std::string& name) {
  const auto all = library_versions();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const LibraryVersion& each) { return each.name == name; });
  return found == all.end() ? "" : found->version;
}

// GLINT_PINNED_LIBTORCH: the version in scripts/requirements.txt, which the goldens were made with.
TEST(LibraryVersionsTest, LibTorchIsThePinnedOne) {
  EXPECT_EQ(version_of("LibTorch"), GLINT_PINNED_LIBTORCH);
}

TEST(LibraryVersionsTest, NamesEveryDecoder) {
  const std::regex numbers(R"([0-9]+(\.[0-9]+)+)");
  for (const char* name : {"libpng", "libwebp", "libwebpdemux", "zlib"}) {
    EXPECT_TRUE(std::regex_match(version_of(name), numbers)) << name << ' ' << version_of(name);
  }
  EXPECT_FALSE((version_of("libjpeg-turbo") + version_of("libjpeg")).empty());
}

TEST(LibraryVersionsTest, OnlyLibjpegIsKnownByItsHeaders) {
  for (const LibraryVersion& each : library_versions()) {
    EXPECT_EQ(each.from_loaded, !each.name.starts_with("libjpeg")) << each.name;
  }
}

TEST(CpuCapabilityTest, IsOneOfLibTorchsNames) {
  EXPECT_TRUE(std::regex_match(cpu_capability(), std::regex("DEFAULT|AVX2|AVX512.*")))
      << cpu_capability();
}

}  // namespace
}  // namespace glint
