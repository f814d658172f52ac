// A random-weight ViT package, whose reference vectors open_clip computed, through the whole
// library. Bounds are the contract's: 1e-5 relative for a batch against single calls.
#include <glint/glint.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "kernels/packed_matmul.h"
#include "support/expect_error.h"
#include "support/scratch_folder.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using test::expect_error;

const std::string kPackage = std::string(GLINT_TEST_DATA) + "/golden/packages/random-vit.glint";

const Model& model() {
  static const Model loaded = Model::load(kPackage);
  return loaded;
}

// A picture of noise; the same seed gives the same one.
Image noise(std::int64_t width, std::int64_t height, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width * height * 3));
  for (auto& v : pixels) v = static_cast<std::uint8_t>(random());
  return Image(width, height, PixelMode::kRGB, std::move(pixels));
}

std::vector<Image> pictures(int count) {
  std::vector<Image> all;
  for (int i = 0; i < count; ++i) all.push_back(noise(20 + 9 * i, 70 - 5 * i, 100U + i));
  return all;
}

std::vector<ImageView> views(const std::vector<Image>& images) {
  return {images.begin(), images.end()};
}

const std::vector<std::string> kTexts{
    "a cat",   "",         "two dogs and a very small bird on a branch",
    "ein Bär", "a dog",    "3.14159",
    "a",       "猫 and 犬"};

double relative_difference(std::span<const float> a, std::span<const float> b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - b[i]));
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
  }
  return difference / largest;
}

TEST(ModelTest, AgreesWithTheReferenceStageByStage) {
  const VerifyReport report = verify(model());
  ASSERT_EQ(report.stages.size(), 5U);
  for (const VerifyStage& stage : report.stages) {
    EXPECT_TRUE(stage.passed) << stage.name << " " << stage.difference << " at " << stage.where;
    RecordProperty(stage.name, std::to_string(stage.difference));
  }
  EXPECT_TRUE(report.passed());
}

// From pictures and words to probabilities, against open_clip's classifier (make_zero_shot.py).
TEST(ModelTest, AnswersAsTheReferenceClassifierDoes) {
  std::ifstream file(std::string(GLINT_TEST_DATA) + "/golden/zero_shot.json");
  const auto golden = nlohmann::json::parse(file);
  for (const auto& [name, expected] : golden["cases"].items()) {
    const auto text = model().prepare(golden["labels"], expected["templates"]);
    for (std::size_t i = 0; i < golden["pictures"].size(); ++i) {
      const std::string picture = "/reference/" + golden["pictures"][i].get<std::string>();
      const auto answer = model().predict(load_image(kPackage + picture), text, {.top_k = 0});
      const auto& scores = std::get<Classification>(answer).scores;
      ASSERT_EQ(scores.size(), golden["labels"].size());
      for (const ClassScore& score : scores) {
        EXPECT_EQ(score.label, golden["labels"][score.index]);
        EXPECT_NEAR(score.logit, expected["logits"][i][score.index].get<float>(), 1e-4) << name;
        EXPECT_NEAR(score.probability, expected["probabilities"][i][score.index].get<float>(), 1e-5)
            << name;
      }
    }
  }
}

TEST(ModelTest, BatchEqualsSingleCalls) {
  const auto images = pictures(8);
  const Embeddings batch = model().encode_images(views(images), {.normalize = false});
  for (int i = 0; i < 8; ++i) {
    const ImageView one = images[static_cast<std::size_t>(i)];
    const Embeddings single = model().encode_images({&one, 1}, {.normalize = false});
    EXPECT_LE(relative_difference(single.values, batch.row(i)), 1e-5) << i;
  }
  const Embeddings texts = model().encode_texts(kTexts, {.normalize = false});
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    const Embeddings single = model().encode_texts({&kTexts[i], 1}, {.normalize = false});
    EXPECT_LE(relative_difference(single.values, texts.row(static_cast<std::int64_t>(i))), 1e-5)
        << kTexts[i];
  }
}

TEST(ModelTest, MaxBatchDoesNotChangeTheAnswer) {
  const Model small = Model::load(kPackage, {.max_batch = 3, .threads = 1});
  const auto images = pictures(8);
  EXPECT_LE(relative_difference(model().encode_images(views(images)).values,
                                small.encode_images(views(images)).values),
            1e-5);
  EXPECT_LE(
      relative_difference(model().encode_texts(kTexts).values, small.encode_texts(kTexts).values),
      1e-5);
}

TEST(ModelTest, IdenticalCallsAreBitIdentical) {
  const auto images = pictures(5);
  EXPECT_EQ(model().encode_images(views(images)).values,
            model().encode_images(views(images)).values);
  EXPECT_EQ(model().encode_texts(kTexts).values, model().encode_texts(kTexts).values);
}

TEST(ModelTest, ManyThreadsGiveTheSerialResults) {
  const auto images = pictures(4);
  const auto text = model().prepare({"cat", "dog", "bird"});
  const auto serial_images = model().encode_images(views(images)).values;
  const auto serial_texts = model().encode_texts(kTexts).values;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        wrong += model().encode_images(views(images)).values != serial_images;
        wrong += model().encode_texts(kTexts).values != serial_texts;
        wrong += std::get<Classification>(model().predict(images[0], text)).scores.size() != 3;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ModelTest, RowsAreUnitUnlessAskedOtherwise) {
  const auto images = pictures(2);
  const Embeddings unit = model().encode_images(views(images));
  ASSERT_EQ(unit.count, 2);
  EXPECT_EQ(unit.embed_dim, model().manifest().embed_dim);
  for (std::int64_t i = 0; i < unit.count; ++i) {
    double sum = 0;
    for (const float v : unit.row(i)) sum += static_cast<double>(v) * v;
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(ModelTest, NothingInGivesNothingOut) {
  EXPECT_EQ(model().encode_images({}).count, 0);
  EXPECT_EQ(model().encode_texts({}).embed_dim, model().manifest().embed_dim);
  EXPECT_TRUE(model().predict(std::span<const ImageView>{}, model().prepare({"a"})).empty());
}

TEST(ModelTest, EncodingOnceAnswersManyQuestions) {
  const Image image = noise(50, 40, 7);
  const auto pets = model().prepare({"cat", "dog"});
  const auto state = model().encode(image);
  EXPECT_EQ(state.width, 50);
  const auto once = std::get<Classification>(model().predict(state, pets));
  const auto whole = std::get<Classification>(model().predict(image, pets));
  EXPECT_EQ(once.scores[0].label, whole.scores[0].label);
  EXPECT_EQ(once.scores[0].logit, whole.scores[0].logit);
}

TEST(ModelTest, TheHostsThreadCountIsLeftAlone) {
  const int before = omp_get_max_threads();
  const Model one = Model::load(kPackage, {.threads = 1});
  one.encode_texts(kTexts);
  EXPECT_EQ(omp_get_max_threads(), before);
}

TEST(ModelTest, RefusesWhatItCannotDo) {
  expect_error(ErrorCode::kDevice, "LibTorch",
               [] { Model::load(kPackage, {.device = "cuda:63"}); });
  expect_error(ErrorCode::kInvalidArgument, "max_batch",
               [] { Model::load(kPackage, {.max_batch = 0}); });
  expect_error(ErrorCode::kNotFound, "no-such", [] { Model::load("no-such.glint"); });
  expect_error(ErrorCode::kNotFound, "segment",
               [] { model().prepare(TextQuery{.labels = {"a"}}, "segment"); });
  expect_error(ErrorCode::kInvalidArgument, "label", [] { model().prepare({"a", "a"}); });
}

TEST(ModelTest, NamesTheUnusableImageByItsPosition) {
  auto images = pictures(5);
  auto list = views(images);
  list[3].row_stride_bytes = 1;
  const Model small = Model::load(kPackage, {.max_batch = 2});
  const auto text = small.prepare({"a", "b"});
  const auto bad = ErrorCode::kInvalidArgument;
  expect_error(bad, "image 3: ", [&] { small.predict(list, text); });
  expect_error(bad, "image 3: ", [&] { small.encode_images(list); });
  const std::string alone = test::error_of([&] { small.predict(list[3], text); });
  EXPECT_EQ(alone.find("image 3"), std::string::npos) << alone;
}

// LibTorch has the weights; a second copy of them would be the package's.
TEST(ModelTest, KeepsNoBytesOfItsTowers) {
  const test::ScratchFolder scratch;
  const std::string path = (scratch.path() / "random-vit.glint").string();
  std::filesystem::copy(kPackage, path, std::filesystem::copy_options::recursive);
  const Model loaded = Model::load(path);
  const std::string tower = loaded.manifest().towers.at("image").file;
  EXPECT_FALSE(loaded.package().file(loaded.manifest().merges_file).empty());
  std::filesystem::remove(std::filesystem::path(path) / tower);
  expect_error(ErrorCode::kNotFound, "no such file", [&] { loaded.package().file(tower); });
  EXPECT_EQ(loaded.encode_texts(kTexts).values, model().encode_texts(kTexts).values);
}

TEST(ModelTest, LoadsFromMemoryWithTheSameAnswers) {
  const Package package = Package::from_memory(test::read_files(kPackage));
  EXPECT_EQ(package.digest(), model().package().digest());
  const Model loaded = Model::load(package);
  const auto images = pictures(2);
  EXPECT_EQ(loaded.encode_images(views(images)).values,
            model().encode_images(views(images)).values);
  EXPECT_EQ(loaded.encode_texts(kTexts).values, model().encode_texts(kTexts).values);
}

TEST(ModelTest, TellsWhatItLoadsAndStopsWhenAsked) {
  std::vector<std::string> lines;
  std::int64_t last = 0, all = -1;
  ModelOptions options;
  options.log = [&](std::string_view line) { lines.emplace_back(line); };
  options.progress = [&](std::int64_t done, std::int64_t total) {
    last = done;
    all = total;
  };
  Model::load(kPackage, options);
  EXPECT_EQ(last, all);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("loaded the image tower: ")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("loaded the text tower: ")) << lines[1];
  std::stop_source source;
  options.stop = source.get_token();
  options.log = [&](std::string_view) { source.request_stop(); };
  expect_error(ErrorCode::kCancelled, "cancelled", [&] { Model::load(kPackage, options); });
}

// Towers are mapped while they are made ready, and writers wait that long: no longer.
TEST(ModelTest, KeepsNoFileMapped) {
  const Model model = Model::load(kPackage);
  std::ifstream maps("/proc/self/maps");
  const std::string all{std::istreambuf_iterator<char>(maps), {}};
  EXPECT_FALSE(all.empty());
  EXPECT_EQ(all.find("random-vit.glint"), std::string::npos);
}

TEST(ModelTest, ReportsHowItComputes) {
  const ModelReport report = Model::load(kPackage, {.threads = 2}).report();
  EXPECT_EQ(report.package, "random-vit");
  EXPECT_EQ(report.device, "cpu");
  EXPECT_EQ(report.threads, 2);
  EXPECT_EQ(report.precision, "exact");
  ASSERT_EQ(report.towers.size(), 2U);
  EXPECT_EQ(report.towers[0].name, "image");
  EXPECT_EQ(report.towers[0].storage, "f16");
  EXPECT_EQ(report.towers[0].compute, "f32");
  EXPECT_GT(report.towers[0].weights, 1000);
  ASSERT_EQ(report.towers[1].methods.size(), 6U);
  // What the exporter writes is what the passes look for.
  EXPECT_EQ(report.towers[0].passes,
            (std::vector<std::string>{"freeze", "inline", "pack_linears", "pack_convolutions",
                                      "fuse_activations", "fuse_residuals", "fuse_norms",
                                      "pack_attention", "narrow_tokens", "pool_attention",
                                      "fuse_heads"}));
  for (const MethodReport& method : report.towers[1].methods) {
    EXPECT_GT(method.nodes_executed, 0);
    // A table of f16 is looked up in, then its rows are widened: aten::to, and constants of both.
    const std::int64_t more = method.name == "embed" ? 5 : 0;
    EXPECT_LE(method.nodes_executed, method.nodes_loaded + more) << method.name;
  }
}

// What the CPU has decides what a model computes in; it says so, and stays within what it promises.
void expect_precision(Precision asked, const std::string& precision, const std::string& compute) {
  const Model model = Model::load(kPackage, {.precision = asked});
  const ModelReport report = model.report();
  EXPECT_EQ(report.precision, precision);
  for (const TowerReport& tower : report.towers) {
    EXPECT_EQ(tower.compute, compute);
    EXPECT_TRUE(tower.fallbacks.empty());
  }
  const bool rounded = precision != "exact";
  for (const VerifyStage& stage : verify(model).stages) {
    EXPECT_TRUE(stage.passed) << stage.name << " " << stage.difference;
    const bool computed = stage.name.ends_with("_embedding");
    EXPECT_EQ(stage.measure == "1 - cosine", rounded && computed) << stage.name;
    if (rounded && computed) {
      EXPECT_GT(stage.difference, 1e-8) << stage.name;
    }
  }
}

TEST(ModelTest, FastIsCloseAndSaysWhatItIs) {
  const bool has = has_operands(Operands::kBf16);
  expect_precision(Precision::kFast, has ? "fast" : "exact", has ? "bf16" : "f32");
}

TEST(ModelTest, CompactIsCloseAndSaysWhatItIs) {
  if (has_operands(Operands::kInt8)) {
    expect_precision(Precision::kCompact, "compact", "int8");
  } else {
    const bool has = has_operands(Operands::kBf16);
    expect_precision(Precision::kCompact, has ? "fast" : "exact", has ? "bf16" : "f32");
  }
}

TEST(ModelTest, TheGraphsArePacked) {
  for (const TowerReport& tower : model().report().towers) {
    for (const char* pass :
         {"pack_linears", "fuse_activations", "fuse_residuals", "fuse_norms", "pack_attention"}) {
      EXPECT_NE(std::ranges::find(tower.passes, pass), tower.passes.end()) << tower.name << pass;
    }
  }
}

TEST(PrecisionTest, HasThreeNames) {
  for (const Precision precision : {Precision::kExact, Precision::kFast, Precision::kCompact}) {
    EXPECT_EQ(parse_precision(to_string(precision)), precision);
  }
  expect_error(ErrorCode::kInvalidArgument,
               "expected exact, fast or compact as the precision, got \"int8\"",
               [] { parse_precision("int8"); });
}

TEST(ModelTest, WithoutLabelsThePackagesOwnAreAskedFor) {
  expect_error(ErrorCode::kInvalidArgument, "at least one label", [] { model().prepare(); });
  EXPECT_EQ(std::get<ClassBank>(model().prepare({"a"}, {}, "classify")).labels.size(), 1U);
}

TEST(ModelTest, WarmingUpChangesNothing) {
  const Model fresh = Model::load(kPackage);
  fresh.warm_up();
  const auto images = pictures(2);
  EXPECT_EQ(fresh.encode_images(views(images)).values, model().encode_images(views(images)).values);
}

TEST(ModelTest, ACallersOwnExceptionPassesThrough) {
  EncodeOptions options;
  options.progress = [](std::int64_t, std::int64_t) { throw std::string("mine"); };
  const auto images = pictures(1);
  EXPECT_THROW(model().encode_images(views(images), options), std::string);
}

TEST(TowersTest, EmbeddedTextEqualsIds) {
  const Towers& towers = model().towers();
  const auto ids = towers.tokenize("a photo of a cat");
  const Tensor batch = Tensor::from({1, static_cast<std::int64_t>(ids.size())}, ids);
  const std::vector<std::int64_t> eot{static_cast<std::int64_t>(ids.size()) - 1};
  const Tensor direct = towers.text({.ids = batch});
  const Tensor embedded =
      towers.text({.embeddings = towers.embed(batch), .eot = Tensor::from({1}, eot)});
  EXPECT_TRUE(std::ranges::equal(direct.floats(), embedded.floats()));
}

TEST(TowersTest, NothingAfterTheEndTokenMatters) {
  const Towers& towers = model().towers();
  auto ids = towers.tokenize("two dogs");
  const auto length = static_cast<std::int64_t>(ids.size());
  const Tensor exact = towers.text({.ids = Tensor::from({1, length}, ids)});
  ids.resize(77, 0);
  ids[40] = 320;
  ids[50] = model().manifest().tokenizer->end_id;  // only the first end token is pooled
  const Tensor padded = towers.text({.ids = Tensor::from({1, 77}, ids)});
  EXPECT_LE(relative_difference(exact.floats(), padded.floats()), 1e-5);
}

TEST(TowersTest, RefusesWrongInputs) {
  const Towers& towers = model().towers();
  const auto bad = ErrorCode::kInvalidArgument;
  const std::vector<float> numbers(3 * 31 * 32);
  expect_error(bad, "[B, 3, 32, 32], got Float [1, 3, 31, 32]", [&] {
    towers.image(Tensor::from({1, 3, 31, 32}, numbers));
  });
  expect_error(bad, "got none", [&] { towers.image({}); });
  const auto text = [&](std::vector<std::int64_t> ids) {
    towers.text({.ids = Tensor::from({1, static_cast<std::int64_t>(ids.size())}, ids)});
  };
  expect_error(bad, "got 49408", [&] { text({49406, 49408, 49407}); });
  expect_error(bad, "got -1", [&] { text({-1}); });
  expect_error(bad, "1 to 77 ids, got 78", [&] { text(std::vector<std::int64_t>(78, 49407)); });
  expect_error(bad, "1 to 77 ids, got 0", [&] { text({}); });
  expect_error(bad, "none in text 0", [&] { text({49406, 320}); });
  expect_error(bad, "neither", [&] { towers.text({}); });
  expect_error(ErrorCode::kNotFound, "preprocess", [&] { towers.pixels({}, "other"); });
}

}  // namespace
}  // namespace glint
