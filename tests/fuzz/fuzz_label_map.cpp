// Any bytes -> decode_label_map. Only glint::Error may come out, and never one that blames the
// library itself; what is read has a number for each pixel, and is written and read again the same.
#include <glint/error.h>
#include <glint/segmentation.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>

namespace {

constexpr std::int64_t kMaxPixels = 1 << 18;  // keeps a run short

void write_and_read_again(const glint::LabelMap& map) {
  glint::Segmentation segmentation{map.width, map.height, {}, map.map};
  const std::int32_t largest = *std::max_element(map.map.begin(), map.map.end());
  segmentation.labels.resize(static_cast<std::size_t>(largest + 1));
  if (glint::decode_label_map(glint::encode_label_map(segmentation)).map != map.map) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    const glint::LabelMap map = glint::decode_label_map(bytes, kMaxPixels);
    if (std::cmp_not_equal(map.map.size(), map.width * map.height)) std::abort();
    if (map.map.size() > kMaxPixels) std::abort();
    write_and_read_again(map);
  } catch (const glint::Error& error) {
    if (error.code() == glint::ErrorCode::kInternal) std::abort();
  }
  return 0;
}
