#include "package/safetensors.h"
#include "core/half.h"
#include "package/ports.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "core/half.h"
#include "package/ports.h"
#include "package/reference.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using test::Bytes;
using test::expect_error;
using test::make_safetensors;

template <typename T>
Bytes bytes_of(std::initializer_list<T> values) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes sound_file() {
  return make_safetensors(
      R"({"__metadata__": {"format": "pt"},
          "ids": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]},
          "half": {"dtype": "F16", "shape": [2, 1], "data_offsets": [24, 28]},
          "none": {"dtype": "F32", "shape": [0, 4], "data_offsets": [24, 24]},
          "one": {"dtype": "F32", "shape": [], "data_offsets": [28, 32]},
          "row": {"dtype": "F32", "shape": [1, 2], "data_offsets": [16, 24]}})",
      join({bytes_of<std::int64_t>({-1, 49407}), bytes_of<float>({0.5F, -3}),
            bytes_of<std::uint16_t>({0x3c00, 0xc100}), bytes_of<float>({7})}));
}

TEST(SafetensorsTest, ReadsEveryKind) {
  const Bytes file = sound_file();
  const StoredTensors tensors = parse_safetensors(file, "f");
  ASSERT_EQ(tensors.size(), 5U);
  EXPECT_EQ(stored_ints(tensors.at("ids")), (std::vector<std::int64_t>{-1, 49407}));
  EXPECT_EQ(stored_floats(tensors.at("row")), (std::vector<float>{0.5F, -3}));
  EXPECT_EQ(stored_floats(tensors.at("half")), (std::vector<float>{1, -2.5F}));
  EXPECT_EQ(stored_floats(tensors.at("one")), (std::vector<float>{7}));
  EXPECT_TRUE(stored_floats(tensors.at("none")).empty());
  EXPECT_EQ(tensors.at("half").shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_TRUE(tensors.at("one").shape.empty());
}

TEST(SafetensorsTest, TakesAnEmptyTable) {
  EXPECT_TRUE(parse_safetensors(make_safetensors("{}", {}), "f").empty());
}

struct Mutation {
  const char* header;
  std::size_t data_bytes;
  const char* part;
};

TEST(SafetensorsTest, RefusesDamagedHeaders) {
  const Mutation mutations[] = {
      {R"({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}})", 4,
       "a.dtype: expected \"F32\" or \"F16\" or \"I64\", got \"BF16\""},
      {R"({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}})", 4, "a.shape[0]"},
      {R"({"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}})", 4, "a.shape[0]"},
      {R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]}})", 0,
       "a.shape: expected sizes whose product fits 63 bits"},
      {R"({"a": {"dtype": "I64", "shape": [1152921504606846976], "data_offsets": [0, 0]}})", 0,
       "a.shape: expected sizes whose product fits 63 bits"},
      {R"({"a": {"dtype": "F32", "shape": [9223372036854775808], "data_offsets": [0, 0]}})", 0,
       "a.shape[0]"},
      {R"({"a": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,1], "data_offsets": [0, 4]}})", 4,
       "a.shape: expected an array of 0 to 8"},
      {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}})", 4,
       "a.data_offsets: expected a range of 8 bytes"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}})", 4, "a.data_offsets"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}})", 4,
       "a.data_offsets[1]: expected an integer from 0 to 4, got 8"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}})", 4, "a.data_offsets"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 5,
       "expected 4 bytes of tensor data, got 5"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", 8, "got a hole"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
           "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",
       4, "got an overlap"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
           "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",
       4, "got \"a\" twice"},
      {R"({"a": {"dtype": "F32", "shape": [1]}})", 4, "a.data_offsets: missing"},
      {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "x": 1}})", 4,
       "a.x: unknown key"},
      {R"({"__metadata__": {"a": 1}})", 0, "__metadata__.a: expected a string"},
      {R"([])", 0, "expected an object"},
      {R"({"a": [[[[[1]]]]]})", 0, "at most 4 levels"},
  };
  for (const Mutation& mutation : mutations) {
    SCOPED_TRACE(mutation.header);
    const Bytes file = make_safetensors(mutation.header, Bytes(mutation.data_bytes));
    expect_error(ErrorCode::kCorruptPackage, mutation.part, [&] { parse_safetensors(file, "f"); });
  }
}

TEST(SafetensorsTest, RefusesImpossibleHeaderSizes) {
  const auto refuse = [](const Bytes& file, const char* part) {
    expect_error(ErrorCode::kCorruptPackage, part, [&] { parse_safetensors(file, "f"); });
  };
  refuse({}, "got 0 bytes");
  refuse(Bytes(7), "got 7 bytes");
  refuse(bytes_of<std::uint64_t>({1}), "a header of at most 0 bytes, got a size of 1");
  refuse(bytes_of<std::uint64_t>({~std::uint64_t{0}, 0}), "got a size of 18446744073709551615");
  refuse(join({bytes_of<std::uint64_t>({(16 << 20) + 1}), Bytes((16 << 20) + 1)}),
         "a header of at most 16777216 bytes");
}

TEST(SafetensorsTest, ReportsAllProblemsAtOnce) {
  const Bytes file = make_safetensors(
      R"({"a": {"dtype": "F8", "shape": [1], "data_offsets": [0, 4]}, "b": 3})", Bytes(4));
  expect_error(ErrorCode::kCorruptPackage, "f: 2 problems: a.dtype",
               [&] { parse_safetensors(file, "f"); });
}

TEST(SafetensorsTest, RefusesEveryTruncation) {
  const Bytes file = sound_file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THROW(parse_safetensors(std::span(file).first(size), "f"), Error) << size;
  }
}

TEST(SafetensorsTest, SurvivesRandomMutations) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    Bytes file = sound_file();
    for (auto n = random() % 3 + 1; n > 0; --n) {
      file[random() % file.size()] = static_cast<std::byte>(random() & 0xff);
    }
    if (i % 5 == 0) file.resize(random() % file.size());
    test::error_of([&] {
      for (const auto& [name, tensor] : parse_safetensors(file, "f")) {
        tensor.dtype == DType::kI64 ? void(stored_ints(tensor)) : void(stored_floats(tensor));
      }
    });
  }
}

TEST(HalfTest, WidensAll65536ValuesExactly) {
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const int exponent = static_cast<int>(half >> 10 & 31);
    const int fraction = static_cast<int>(half & 1023);
    const float got = half_to_float(static_cast<std::uint16_t>(half));
    EXPECT_EQ(std::signbit(got), half >= 0x8000) << half;
    // The definition of binary16 (IEEE 754-2019, 3.4).
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(got), fraction != 0) << half;
      EXPECT_EQ(std::isinf(got), fraction == 0) << half;
      continue;
    }
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(std::abs(static_cast<double>(got)), magnitude) << half;
  }
}

TEST(ReferenceTest, ComparesNamesKindsAndShapesWithTheManifest) {
  Manifest manifest;
  manifest.embed_dim = 1;
  manifest.preprocess["default"].height = 2;
  manifest.preprocess["default"].width = 1;
  manifest.tokenizer.emplace().context_length = 4;
  manifest.towers["image"].methods["forward"].outputs = {{"embedding", DType::kF32, {"B", 1}}};
  manifest.reference.images = {"0.png"};
  manifest.reference.texts = {"a"};
  StoredTensors tensors;
  const auto set = [&](const char* name, DType dtype, std::vector<std::int64_t> shape) {
    tensors[name] = StoredTensor{dtype, std::move(shape), 1, {}};
  };
  set("pixels.0", DType::kF32, {3, 2, 1});
  set("ids.0", DType::kI64, {4});
  set("image_embedding", DType::kF32, {1, 1});
  set("text_embedding", DType::kF32, {1, 1});
  set("logits", DType::kF32, {1, 1});
  EXPECT_NO_THROW(check_reference(tensors, manifest, "v"));

  set("pixels.0", DType::kF32, {3, 1, 2});
  set("ids.0", DType::kI64, {5});
  set("image_embedding", DType::kI64, {1, 1});
  set("text_embedding", DType::kF16, {1, 1});
  set("extra", DType::kF32, {});
  tensors.erase("logits");
  expect_error(ErrorCode::kCorruptPackage,
               "v: 6 problems: pixels.0: expected F32 [3, 2, 1], got F32 [3, 1, 2]; "
               "image_embedding: expected F32 [1, 1], got I64 [1, 1]; "
               "ids.0: expected I64 [2 to 4], got I64 [5]; "
               "text_embedding: expected F32 [1, 1], got F16 [1, 1]; logits: missing; "
               "\"extra\": unknown tensor",
               [&] { check_reference(tensors, manifest, "v"); });
}

TEST(ReferenceTest, ComparesRecordedCallsWithTheirPorts) {
  Manifest manifest;
  manifest.preprocess["default"].height = 1;
  manifest.preprocess["default"].width = 1;
  manifest.towers["image"].methods["forward"].outputs = {{"map", DType::kF32, {"B", 2, "H"}}};
  manifest.towers["extra"].methods["run"] = {{{"x", DType::kF32, {"B", 2}}},
                                             {{"y", DType::kI64, {"B"}}}};
  manifest.reference.calls = {{"extra", "run"}};
  StoredTensors tensors;
  const auto set = [&](const char* name, DType dtype, std::vector<std::int64_t> shape) {
    tensors[name] = StoredTensor{dtype, std::move(shape), 1, {}};
  };
  set("calls.0.inputs.x", DType::kF32, {5, 2});
  set("calls.0.outputs.y", DType::kI64, {5});
  EXPECT_NO_THROW(check_reference(tensors, manifest, "v"));
  set("calls.0.inputs.x", DType::kF32, {5, 3});
  tensors.erase("calls.0.outputs.y");
  expect_error(ErrorCode::kCorruptPackage,
               "v: 2 problems: calls.0.inputs.x: expected x f32 [B, 2], got f32 [5, 3]; "
               "calls.0.outputs.y: missing",
               [&] { check_reference(tensors, manifest, "v"); });
}

TEST(SafetensorsTest, RefusesAnEmptyTensorWhoseStridesOverflow) {
  const std::string header = R"({"x": {"dtype": "F32", "shape": [0, 4611686018427387904, 4],
                                       "data_offsets": [0, 0]}})";
  expect_error(ErrorCode::kCorruptPackage, "product fits 63 bits",
               [&] { parse_safetensors(test::make_safetensors(header, {}), "v"); });
}

TEST(ReferenceTest, PixelsAreThoseOfClassifyOrElseOfTheFirstTask) {
  Manifest manifest;
  for (const char* name : {"a", "b", "c"}) manifest.preprocess[name] = {};
  EXPECT_EQ(main_preprocess(manifest), "a");
  manifest.tasks["detect"].preprocess = "b";
  manifest.tasks["another"].preprocess = "c";
  EXPECT_EQ(main_preprocess(manifest), "c");
  manifest.tasks["classify"].preprocess = "b";
  EXPECT_EQ(main_preprocess(manifest), "b");
}

}  // namespace
}  // namespace glint
