// Every implementation of the two passes that this CPU can run, against the scalar one and that one
// against plain sums: shrinking by up to 40 and more, enlarging, thin and tiny pictures, one to
// four channels, rows at odd addresses that end where memory ends.
#include "image/resample/passes.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "image/pictures.h"
#include "image/resample.h"

namespace glint::test {
namespace {

constexpr std::int64_t kLengths[][2] = {
    // in, out
    {1, 1},    {1, 9},    {2, 1},    {3, 2},     {2, 31},   {5, 5},    {7, 3},     {9, 64},
    {33, 21},  {40, 1},   {41, 16},  {64, 64},   {85, 11},  {97, 97},  {100, 33},  {129, 17},
    {200, 41}, {224, 50}, {320, 44}, {333, 224}, {375, 56}, {500, 71}, {512, 512}, {640, 16},
    {777, 53}, {999, 1},  {1000, 7}, {1023, 75}, {1920, 48}};

struct Axis {
  AxisResize resize;
  AxisWeights weights;
  std::string name;
};

Axis axis_of(std::int64_t in, std::int64_t out, Interpolation kernel, bool pillow,
             std::int64_t begin, std::int64_t end) {
  const int bits = pillow ? kPillowWeightBits : aten_weight_bits(in, out, kernel);
  const AxisResize resize{in, out, kernel, bits};
  const std::string name = std::to_string(in) + " to " + std::to_string(out) +
                           (kernel == Interpolation::kBicubic ? " bicubic" : " bilinear") +
                           " with " + std::to_string(bits) + " bits, " + std::to_string(begin) +
                           " to " + std::to_string(end);
  return {resize, axis_weights(resize, begin, end), name};
}

// All lengths by both kernels and weights of both references; whole, and the middle.
std::vector<Axis> axes() {
  std::vector<Axis> all;
  for (const auto& [in, out] : kLengths) {
    for (const auto kernel : {Interpolation::kBilinear, Interpolation::kBicubic}) {
      for (const bool pillow : {true, false}) {
        all.push_back(axis_of(in, out, kernel, pillow, 0, out));
        if (out > 4) all.push_back(axis_of(in, out, kernel, pillow, out / 4, out - out / 4));
      }
    }
  }
  return all;
}

// Bytes that end at the end of readable memory: one more faults.
class Guarded {
 public:
  explicit Guarded(std::size_t size) : size_(size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    readable_ = (size + page - 1) / page * page;
    mapped_ = readable_ + page;
    void* const at =
        ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("no memory to map");
    begin_ = static_cast<std::uint8_t*>(at);
    if (::mprotect(begin_ + readable_, page, PROT_NONE) != 0) throw std::runtime_error("mprotect");
  }
  ~Guarded() { ::munmap(begin_, mapped_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  std::uint8_t* data() { return begin_ + readable_ - size_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::size_t readable_;
  std::size_t mapped_;
  std::uint8_t* begin_;
};

// Mostly black and white, where sums are largest.
void fill(Guarded& bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::generate_n(bytes.data(), bytes.size(), [&] {
    const auto value = random();
    return static_cast<std::uint8_t>(value % 3 == 0 ? value >> 8 : value % 3 == 1 ? 0 : 255);
  });
}

constexpr std::int64_t kRows = 7;  // taken four at a time, and three alone
constexpr std::uint8_t kUntouched = 77;

std::vector<std::uint8_t> across(const ResampleImplementation& implementation, const Axis& axis,
                                 std::int64_t channels, const std::uint8_t* in,
                                 std::int64_t in_stride) {
  const std::int64_t out_bytes = std::ssize(axis.weights.taps) * channels;
  const std::int64_t out_stride = out_bytes + 3;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(kRows * out_stride + 1), kUntouched);
  implementation.across(axis.weights, channels)
      ->run(in, in_stride, kRows, out.data() + 1, out_stride);
  return out;
}

std::vector<std::uint8_t> down(const ResampleImplementation& implementation, const Axis& axis,
                               std::int64_t n, const std::uint8_t* rows, std::int64_t stride) {
  const std::int64_t out_stride = n + 3;
  const auto count = std::ssize(axis.weights.taps);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(count * out_stride + 1), kUntouched);
  const auto pass = implementation.down(axis.weights);
  for (std::int64_t y = 0; y < count; ++y) {
    const auto sample = static_cast<std::size_t>(y);
    const std::int64_t first = axis.weights.taps[sample].first - axis.weights.input_begin();
    pass->run(sample, rows + first * stride, stride, n, out.data() + 1 + y * out_stride);
  }
  return out;
}

std::uint8_t plain_sum(const Axis& axis, std::size_t sample, const std::uint8_t* first,
                       std::int64_t step) {
  const AxisWeights::Taps& taps = axis.weights.taps[sample];
  std::int64_t sum = std::int64_t{1} << (axis.weights.bits - 1);
  for (std::int64_t k = 0; k < taps.count; ++k) {
    const std::int64_t place = (taps.first - axis.weights.input_begin() + k) * step;
    sum += std::int64_t{first[place]} *
           axis.weights.weights[static_cast<std::size_t>(taps.offset + k)];
  }
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> axis.weights.bits, 0, 255));
}

TEST(ResamplePassesTest, ScalarIsTheFirstAndAllHaveNames) {
  EXPECT_STREQ(resample_implementations().front()->name, "scalar");
  for (const auto* implementation : resample_implementations()) {
    EXPECT_STRNE(implementation->name, "");
  }
  EXPECT_EQ(&best_resample_implementation(), resample_implementations().back());
}

TEST(ResamplePassesTest, AcrossEqualsPlainSums) {
  std::uint32_t seed = 0;
  for (const Axis& axis : axes()) {
    for (std::int64_t channels = 1; channels <= 4; ++channels) {
      const std::int64_t stride =
          (axis.weights.input_end() - axis.weights.input_begin()) * channels;
      Guarded in(static_cast<std::size_t>(kRows * stride));
      fill(in, ++seed);
      std::vector<std::uint8_t> expected(
          static_cast<std::size_t>(kRows * (std::ssize(axis.weights.taps) * channels + 3) + 1),
          kUntouched);
      auto out = expected.begin() + 1;
      for (std::int64_t y = 0; y < kRows; ++y, out += 3) {
        for (std::size_t x = 0; x < axis.weights.taps.size(); ++x) {
          for (std::int64_t c = 0; c < channels; ++c) {
            *out++ = plain_sum(axis, x, in.data() + y * stride + c, channels);
          }
        }
      }
      for (const auto* implementation : resample_implementations()) {
        ASSERT_EQ(across(*implementation, axis, channels, in.data(), stride), expected)
            << implementation->name << ", " << axis.name << ", " << channels << " channels";
      }
    }
  }
}

TEST(ResamplePassesTest, DownEqualsPlainSums) {
  std::uint32_t seed = 0;
  for (const Axis& axis : axes()) {
    for (const std::int64_t n : {1, 3, 31, 32, 63, 64, 65, 200}) {
      const std::int64_t count = axis.weights.input_end() - axis.weights.input_begin();
      Guarded in(static_cast<std::size_t>(count * n));
      fill(in, ++seed);
      std::vector<std::uint8_t> expected(
          static_cast<std::size_t>(std::ssize(axis.weights.taps) * (n + 3) + 1), kUntouched);
      auto out = expected.begin() + 1;
      for (std::size_t y = 0; y < axis.weights.taps.size(); ++y, out += 3) {
        for (std::int64_t i = 0; i < n; ++i) *out++ = plain_sum(axis, y, in.data() + i, n);
      }
      for (const auto* implementation : resample_implementations()) {
        ASSERT_EQ(down(*implementation, axis, n, in.data(), n), expected)
            << implementation->name << ", " << axis.name << ", " << n << " bytes";
      }
    }
  }
}

// The bound that lets a weight be split into halves or digits.
TEST(ResamplePassesTest, WeightsStayBelowTwentyThreeBits) {
  for (const Axis& axis : axes()) {
    for (const std::int32_t weight : axis.weights.weights) {
      ASSERT_LT(std::abs(weight), 3 << (kPillowWeightBits - 1)) << axis.name;
    }
  }
}

TEST(ResamplePassesTest, AnAxisMayBeMuchLongerThanItsResult) {
  for (const std::int64_t in_size : {70'000, 1'000'003}) {
    const Axis axis = axis_of(in_size, 3, Interpolation::kBicubic, true, 0, 3);
    Guarded in(static_cast<std::size_t>(kRows * in_size));
    fill(in, 1);
    const auto expected = across(*resample_implementations().front(), axis, 1, in.data(), in_size);
    for (const auto* implementation : resample_implementations()) {
      EXPECT_EQ(across(*implementation, axis, 1, in.data(), in_size), expected)
          << implementation->name << ", " << axis.name;
    }
  }
}

// Whole pictures: both orders of the passes, conversions, windows, tiles.
TEST(ResamplePassesTest, WindowsOfPicturesAreTheSameBytes) {
  constexpr std::int64_t kSizes[][4] = {// in, out
                                        {61, 47, 30, 20},   {61, 47, 90, 100},  {3, 400, 3, 20},
                                        {400, 3, 20, 3},    {1, 1, 7, 5},       {120, 900, 100, 30},
                                        {640, 480, 33, 17}, {257, 129, 224, 60}};
  for (const auto mode : {PixelMode::kL, PixelMode::kLA, PixelMode::kRGB, PixelMode::kRGBA}) {
    for (const auto& [in_width, in_height, width, height] : kSizes) {
      const Image image = synthetic(mode, "noise", 5, in_width, in_height);
      const PixelReader reader(image, has_alpha(mode) ? RowForm::kPremultiplied : RowForm::kStored);
      const ResizeWindow all{width, height, 0, 0, width, height};
      const ResizeWindow part{width, height, width / 3, height / 3, width / 2, (height + 1) / 2};
      for (const ResizeWindow& window : {all, part}) {
        for (const auto arithmetic : {Arithmetic::kPillow, Arithmetic::kTorchvision}) {
          const ResizeMethod method{arithmetic, Interpolation::kBicubic};
          const auto expected = resample_window(reader, window, method, kResampleScratchBytes,
                                                *resample_implementations().front());
          for (const auto* implementation : resample_implementations()) {
            for (const std::int64_t scratch : {std::int64_t{5000}, kResampleScratchBytes}) {
              EXPECT_EQ(resample_window(reader, window, method, scratch, *implementation), expected)
                  << implementation->name << ", " << in_width << " x " << in_height << " to "
                  << width << " x " << height;
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace glint::test
