#include <glint/device.h>
#include <glint/error.h>
#include <glint/tensor.h>
#include <gtest/gtest.h>

#include <limits>

namespace glint {
namespace {

TEST(TensorTest, CopiesWhatItIsMadeFrom) {
  std::vector<float> values{1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::from({2, 3}, values);
  values[0] = 9;
  EXPECT_EQ(tensor.floats()[0], 1);
  EXPECT_EQ(tensor.dim(1), 3);
  EXPECT_EQ(tensor.dtype(), DType::kF32);
  EXPECT_EQ(tensor.device(), "cpu");
  EXPECT_EQ(tensor.cpu().floats().data(), tensor.floats().data());
}

TEST(TensorTest, HoldsIntegers) {
  const std::vector<std::int64_t> values{-1, std::int64_t{1} << 40};
  const Tensor tensor = Tensor::from({2}, values);
  EXPECT_EQ(tensor.ints()[1], std::int64_t{1} << 40);
  EXPECT_THROW(tensor.floats(), Error);
}

TEST(TensorTest, HoldsNothingInAnEmptyShape) {
  const Tensor tensor = Tensor::from({0, 4}, std::span<const float>{});
  EXPECT_FALSE(tensor.empty());
  EXPECT_TRUE(tensor.floats().empty());
}

TEST(TensorTest, RefusesShapesThatDoNotFit) {
  const std::vector<float> values(6);
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  EXPECT_THROW(Tensor::from({2, 2}, values), Error);
  EXPECT_THROW(Tensor::from({-2, -3}, values), Error);
  EXPECT_THROW(Tensor::from({huge, huge}, values), Error);
}

TEST(TensorTest, AnEmptyOneHasNoShape) {
  const Tensor none;
  EXPECT_TRUE(none.empty());
  EXPECT_THROW(none.shape(), Error);
  EXPECT_THROW(none.cpu(), Error);
  EXPECT_THROW(Tensor::from({1}, std::vector<float>{1}).dim(1), Error);
}

TEST(DeviceTest, ParsesNamesAndPrintsThem) {
  EXPECT_EQ(to_string(parse_device("cpu")), "cpu");
  EXPECT_EQ(to_string(parse_device("cuda")), "cuda:0");
  EXPECT_EQ(to_string(parse_device("cuda:12")), "cuda:12");
  for (const char* bad :
       {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "cpu:0", "CUDA", "cuda:99999999999"}) {
    EXPECT_THROW(parse_device(bad), Error) << bad;
  }
  EXPECT_EQ(available_devices().front(), "cpu");
}

}  // namespace
}  // namespace glint
