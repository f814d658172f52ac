// The bridge to OpenCV's matrices.
#include <glint/opencv.h>
#include <glint/preprocess.h>
#include <gtest/gtest.h>

#include "image/pictures.h"

namespace glint::test {
namespace {

cv::Mat counted(int rows, int columns, int type) {
  cv::Mat mat(rows, columns, type);
  const auto bytes = noise(3, static_cast<std::int64_t>(mat.total() * mat.elemSize()));
  std::copy(bytes.begin(), bytes.end(), mat.data);
  return mat;
}

TEST(OpencvTest, AMatrixIsAViewOfTheSameMemory) {
  const std::pair<int, PixelMode> types[] = {
      {CV_8UC1, PixelMode::kL}, {CV_8UC3, PixelMode::kBGR}, {CV_8UC4, PixelMode::kBGRA}};
  for (const auto& [type, mode] : types) {
    const cv::Mat mat = counted(7, 5, type);
    const ImageView view = view_of(mat);
    EXPECT_EQ(view.data, mat.data);
    EXPECT_EQ(view.width, 5);
    EXPECT_EQ(view.height, 7);
    EXPECT_EQ(view.row_stride_bytes, 5 * channels(mode));
    EXPECT_EQ(view.mode, mode);
  }
}

TEST(OpencvTest, ARegionKeepsTheStrideOfItsMatrix) {
  const cv::Mat mat = counted(20, 30, CV_8UC3);
  const cv::Mat region = mat(cv::Rect(4, 3, 11, 9));
  const ImageView view = view_of(region);
  EXPECT_EQ(view.row_stride_bytes, 90);
  const Preprocessor preprocess({.width = 6, .height = 6, .mean = {}, .std = {1, 1, 1}});
  EXPECT_EQ(preprocess(view), preprocess(crop(view_of(mat), 4, 3, 11, 9)));
  const cv::Mat packed = region.clone();
  EXPECT_EQ(preprocess(view), preprocess(view_of(packed)));
}

TEST(OpencvTest, TheCallerMayNameAnotherModeOfTheSameWidth) {
  const cv::Mat mat = counted(4, 4, CV_8UC4);
  EXPECT_EQ(view_of(mat, PixelMode::kRGBA).mode, PixelMode::kRGBA);
  EXPECT_EQ(view_of(mat, PixelMode::kCMYK).mode, PixelMode::kCMYK);
}

TEST(OpencvTest, OtherMatricesAreRefused) {
  const auto refused = [](const cv::Mat& mat) {
    const auto error = error_of([&] { view_of(mat); });
    return error && error->code() == ErrorCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused(cv::Mat()));
  EXPECT_TRUE(refused(cv::Mat(0, 4, CV_8UC3)));
  EXPECT_TRUE(refused(cv::Mat(4, 4, CV_32FC3)));
  EXPECT_TRUE(refused(cv::Mat(4, 4, CV_8SC3)));
  EXPECT_TRUE(refused(cv::Mat(4, 4, CV_16UC1)));
  EXPECT_TRUE(refused(cv::Mat(4, 4, CV_8UC2)));
  const int sizes[] = {3, 4, 5};
  EXPECT_TRUE(refused(cv::Mat(3, sizes, CV_8UC1)));
  const cv::Mat grey(4, 4, CV_8UC1);
  EXPECT_TRUE(error_of([&] { view_of(grey, PixelMode::kRGB); }));
  EXPECT_TRUE(error_of([&] { view_of(grey, PixelMode::kP); }));
}

}  // namespace
}  // namespace glint::test
